"""`edge-voice models`: the catalog, and what of it is installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from edge_voice.cli.shared_options import json_option

if TYPE_CHECKING:
    from edge_voice.hub.catalog import CatalogModel
    from edge_voice.hub.store import Bundle

_HEADINGS = ("NAME", "INSTALLED", "DOWNLOAD", "PARAMETERS", "LICENCE", "LANGUAGES")
_MANY_LANGUAGES = 4


@click.command("models")
@json_option
def command(as_json: bool) -> None:
    """List the models that can be pulled, and which are installed."""
    from edge_voice.hub.catalog import load_catalog
    from edge_voice.hub.store import installed

    models, bundles = list(load_catalog().models.values()), installed()
    if as_json:
        rows = [_record(model, bundles) for model in models]
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo(_table([_HEADINGS, *(_row(model, bundles) for model in models)]))


def _record(model: CatalogModel, bundles: list[Bundle]) -> dict[str, Any]:
    return {
        "name": model.name,
        "model_type": model.model_type,
        "task": model.task,
        "languages": model.languages,
        "licence": model.licence,
        "terms": model.terms,
        "parameters": model.parameters,
        "precision": model.precision,
        "download_bytes": model.download_bytes,
        "installed": [
            {"precision": bundle.precision, "folder": str(bundle.folder), "bytes": bundle.bytes}
            for bundle in bundles
            if bundle.name == model.name
        ],
    }


def _row(model: CatalogModel, bundles: list[Bundle]) -> tuple[str, ...]:
    from edge_voice.hub.store import megabytes

    here = [f"{b.precision} ({megabytes(b.bytes)})" for b in bundles if b.name == model.name]
    many = len(model.languages) > _MANY_LANGUAGES
    return (
        model.name,
        ", ".join(here) or "-",
        megabytes(model.download_bytes),
        f"{model.parameters / 1e6:,.0f} M",
        model.licence,
        f"{len(model.languages)} languages" if many else ", ".join(model.languages),
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
