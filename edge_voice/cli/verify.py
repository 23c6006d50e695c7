"""`edge-voice verify`: whether installed models are what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_voice.hub.store import Bundle


@click.command("verify")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Re-hash every file of the model NAME, or of all installed models."""
    from edge_voice.errors import ChecksumMismatch, ModelNotFound
    from edge_voice.hub.store import installed

    bundles = [bundle for bundle in installed() if name in (None, bundle.name)]
    if name and not bundles:
        raise ModelNotFound(f"{name} is not in the store (edge-voice pull {name})")
    damaged = [bundle for bundle in bundles if not _report(bundle)]
    if damaged:
        again = " && ".join(
            f"edge-voice {verb} {damaged[0].name} --precision {damaged[0].precision}"
            for verb in ("rm", "pull")
        )
        raise ChecksumMismatch(f"{len(damaged)} of {len(bundles)} bundles are damaged ({again})")


def _report(bundle: Bundle) -> bool:
    from edge_voice.errors import ManifestError
    from edge_voice.hub.verify import verify_bundle

    try:
        problems = verify_bundle(bundle.folder)
    except ManifestError as error:
        problems = [str(error)]
    click.echo(f"{bundle.name} {bundle.precision}: {'damaged' if problems else 'ok'}")
    for problem in problems:
        click.echo(f"  {problem}")
    return not problems
