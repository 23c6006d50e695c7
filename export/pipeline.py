"""From a checkpoint to a bundle: read, emit, quantize, check, verify, write, rename."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from edge_voice.errors import UnsupportedModel
from edge_voice.hub.verify import sha256_file
from edge_voice.manifest import Manifest, SourceEntry

from . import models
from .checkpoint import Checkpoint, open_checkpoint
from .package import Bundle, replaced_folder
from .quantize import pick_recipe
from .report import Report

Compare = Callable[[str, Bundle], dict[str, float]]
"""From a model type and its finished graphs to figures for the report."""


def export_bundle(
    source: Path,
    output: Path,
    *,
    precision: str = "int8",
    name: str = "",
    licence: str = "",
    origin: str = "local",
    revision: str = "",
    announce: Callable[[str], None] = lambda line: None,
    compare: Compare | None = None,
) -> Manifest:
    """Converts a published checkpoint into a bundle.

    Args:
        source: Hugging Face folder, `.safetensors` file or OpenAI `.pt` file.
        output: Folder of the bundle; an older bundle there is replaced at the very end.
        precision: Name of a preset of the model's recipe.
        name: Name for people; the source's name without suffix by default.
        licence: SPDX expression of the weights; empty when unknown.
        origin: Who published the weights, for the manifest.
        revision: Their commit or version, for the manifest.
        announce: Called with a line for people at each stage.
        compare: A further check, whose figures go into the report.

    Raises:
        ModelNotFound: Nothing at `source`.
        UnsupportedModel: No known architecture, or a damaged checkpoint.
        OptionError: Unknown precision.
        StoreError: The output cannot be written.
    """
    with open_checkpoint(source) as checkpoint:
        return export_checkpoint(
            checkpoint,
            output,
            precision=precision,
            name=name or (source.name if source.is_dir() else source.stem),
            licence=licence,
            provenance=describe_source(checkpoint, origin, revision),
            announce=announce,
            compare=compare,
        )


def export_checkpoint(
    checkpoint: Checkpoint,
    output: Path,
    *,
    precision: str,
    name: str,
    licence: str,
    provenance: SourceEntry,
    announce: Callable[[str], None] = lambda line: None,
    compare: Compare | None = None,
) -> Manifest:
    """`export_bundle` for a checkpoint that is open already."""
    model_type, recipe_module = find_recipe(checkpoint)
    recipe = pick_recipe(recipe_module.PRESETS, precision)
    with replaced_folder(output) as folder:
        bundle = Bundle(folder, recipe, Report(name, precision), announce)
        recipe_module.build(checkpoint, bundle)
        announce("checking the graphs")
        bundle.report.checks = recipe_module.check(checkpoint, bundle)
        if compare:
            bundle.report.checks |= compare(model_type, bundle)
        return bundle.finish(
            model_type=model_type, name=name, licence=licence, source=provenance
        )


def find_recipe(checkpoint: Checkpoint) -> tuple[str, ModuleType]:
    """The model type and recipe module that recognise the checkpoint.

    Raises:
        UnsupportedModel: None does.
    """
    known = []
    for model_type, module in _recipes():
        if module.recognises(checkpoint):
            return model_type, module
        known.append(model_type)
    model = checkpoint.config.get("model_type")
    found = repr(model) if model else "what has no config.json with a model_type"
    raise UnsupportedModel(
        f"{checkpoint.folder}: cannot export {found} (known: {', '.join(known)})"
    )


def describe_source(checkpoint: Checkpoint, origin: str, revision: str) -> SourceEntry:
    """Name and sha256 of a checkpoint on disk; of shards, the sha256 of their sha256s."""
    files = checkpoint.weight_files
    digests = [sha256_file(path) for path in files]
    combined = digests[0] if len(digests) == 1 else _digest_of("".join(digests))
    return SourceEntry(file=files[0].name, sha256=combined, origin=origin, revision=revision)


def _recipes() -> Iterator[tuple[str, ModuleType]]:
    for info in pkgutil.iter_modules(models.__path__):
        yield info.name, importlib.import_module(f"{models.__name__}.{info.name}.recipe")


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
