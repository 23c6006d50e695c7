"""`edge-voice export`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from edge_voice.errors import OptionError
from edge_voice.hub.store import PRECISIONS
from edge_voice.manifest import Manifest

if TYPE_CHECKING:
    from .pipeline import Compare


@click.command()
@click.argument("name", required=False)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="A local Hugging Face folder, .safetensors file or OpenAI .pt file.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="How weights are stored. [default: the one that `pull NAME` takes, else int8]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the bundle; an older bundle there is replaced.",
)
@click.option("--name", "bundle_name", help="Name in the manifest; NAME or the file's by default.")
@click.option("--licence", default="", help="SPDX expression of the weights' licence.")
@click.option("--origin", default="", help="Where the weights came from, for the manifest.")
@click.option("--revision", default="", help="Their commit or version, for the manifest.")
@click.option(
    "--via",
    type=click.Choice(["builder", "optimum"]),
    default="builder",
    show_default=True,
    help="Who writes the graphs: this package, or optimum (needs the extra `optimum`, which must"
    " have an environment of its own). NAME is then OWNER/REPOSITORY or a folder.",
)
@click.option("--adapter", default="", help="With --via optimum: an MMS language, such as deu.")
def export(
    name: str | None,
    source: Path | None,
    precision: str | None,
    output: Path,
    bundle_name: str | None,
    licence: str,
    origin: str,
    revision: str,
    via: str,
    adapter: str,
) -> None:
    """Convert a checkpoint into a bundle of quantized ONNX graphs.

    NAME is a model of the catalog (`edge-voice models` lists them); its weights are fetched.
    With --source, a local checkpoint is converted instead; NAME then only says what it is.
    """
    if adapter and via != "optimum":
        raise OptionError("--adapter goes with --via optimum only")
    if name is None and source is None:
        raise OptionError("give NAME, a model of the catalog, or --source, a local checkpoint")
    from edge_voice.hub.catalog import load_catalog

    precision = precision or load_catalog().precision_of(name or "")
    known_as = bundle_name or Path(name or "").name
    job = _Job(output, precision, known_as, licence, origin, revision)
    if via == "optimum":
        manifest = _export_via_optimum(str(source or name), adapter, job)
    elif name is not None and source is None:
        manifest = _export_fetched(name, job)
    else:
        manifest = _export_local(name, Path(str(source)), job)
    size = sum(entry.bytes for entry in manifest.files.values())
    click.echo(f"{output}: {manifest.name}, {precision}, {size / 1e6:.1f} MB", err=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """Where the bundle goes and what its manifest says; what is empty comes from the catalog."""

    output: Path
    precision: str
    name: str
    licence: str
    origin: str
    revision: str

    def run(
        self,
        source: Path,
        *,
        licence: str = "",
        origin: str = "",
        revision: str = "",
        compare: Compare | None = None,
    ) -> Any:
        from .pipeline import export_bundle

        return export_bundle(
            source,
            self.output,
            precision=self.precision,
            name=self.name,
            licence=self.licence or licence,
            origin=self.origin or origin or "local",
            revision=self.revision or revision,
            announce=_announce,
            compare=compare,
        )


def _announce(line: str) -> None:
    click.echo(line, err=True)


def _export_via_optimum(source: str, adapter: str, job: _Job) -> Manifest:
    """A checkpoint that PyTorch opens; its graphs lie in a temporary folder meanwhile."""
    from .pytorch_check import comparison
    from .via_optimum import trace

    with tempfile.TemporaryDirectory(prefix="edge-voice-optimum-") as folder:
        _announce(f"{source}: exporting with optimum")
        traced = trace(
            source, Path(folder), revision=job.revision, target_language=adapter
        )
        compare = comparison(traced.model)
        return cast(Manifest, job.run(traced.folder, origin=source, compare=compare))


def _export_local(name: str | None, source: Path, job: _Job) -> Manifest:
    """A local checkpoint; with NAME it is a copy of that model and has its licence."""
    from edge_voice.hub.catalog import load_catalog

    licence = load_catalog().get(name).licence if name else ""
    return cast(Manifest, job.run(source, licence=licence))


def _export_fetched(name: str, job: _Job) -> Manifest:
    from edge_voice.cli import terminal
    from edge_voice.cli._bar import ProgressLine
    from edge_voice.hub.pull import borrow_weights

    with (
        terminal.library_messages(),
        ProgressLine() as progress,
        borrow_weights(name, job.precision, job.output, progress=progress) as fetched,
    ):
        manifest = job.run(
            fetched.source,
            licence=fetched.licence,
            origin=fetched.origin,
            revision=fetched.revision,
        )
        return cast(Manifest, manifest)
