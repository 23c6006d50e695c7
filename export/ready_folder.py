"""Folders that others have exported: optimum's layout and that of transformers.js.

Graphs lie in the folder or in its subfolder `onnx`, `model.onnx` in float32 and further ones with
an ending for their precision; the files of a Hugging Face folder lie beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx_ir as ir

from edge_voice.errors import UnsupportedModel

from .json_object import read_object

# Where graphs lie: beside config.json (optimum), or below it (transformers.js).
PLACES = ("", "onnx")
# What is appended to a file's name for how its weights are stored, the most exact first.
FLOAT_VARIANTS = ("", "_fp16")
EIGHT_BIT_VARIANTS = ("_quantized", "_int8", "_uint8")
FOUR_BIT_VARIANTS = ("_q4", "_q4f16", "_bnb4")
# What may serve for a precision, best first: float32 is quantized by our recipes.
_ENDINGS = {
    "fp32": ("",),
    "int8": ("", "_quantized", "_int8"),
    "int4": ("", "_q4"),
    "balanced": ("",),
}
_ROUNDED = {
    "int8": {"MatMulInteger", "ConvInteger", "DynamicQuantizeLinear", "DequantizeLinear"},
    "int4": {"MatMulNBits"},
}
# ISO 639-3, as MMS names languages, to the ISO 639-1 codes of languages whose numbers and
# abbreviations the text front end can read, and of those written without blanks.
_SHORT_CODES = {
    "eng": "en", "deu": "de", "fra": "fr", "spa": "es", "ita": "it", "nld": "nl", "por": "pt",
    "jpn": "ja", "cmn": "zh", "zho": "zh",
}  # fmt: skip
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]+)*\Z")


def pick_graph(folder: Path, stem: str, precision: str) -> Path:
    """The graph file to start from.

    Args:
        folder: The published folder.
        stem: `model`, `encoder_model` …
        precision: Name of the preset.

    Raises:
        UnsupportedModel: There is none for this precision; says what is there.
    """
    names = [f"{stem}{ending}.onnx" for ending in _ENDINGS[precision]]
    for path in (folder / place / name for name in names for place in PLACES):
        if path.is_file():
            return path
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*.onnx"))
    raise UnsupportedModel(
        f"no {' or '.join(names)} in {folder}, as precision {precision} needs"
        f" (found: {', '.join(found) or 'no graph'})"
    )


def rounded_operator(model: ir.Model) -> str | None:
    """An operator on weights that were quantized already; None if they are floating point."""
    found = {node.op_type for node in model.graph.all_nodes()}
    return min(found & set().union(*_ROUNDED.values()), default=None)


def check_precision(model: ir.Model, where: Path, precision: str) -> bool:
    """Whether a graph's weights are still to be quantized.

    Raises:
        UnsupportedModel: They were quantized by others, and not as this precision wants it.
    """
    operator = rounded_operator(model)
    if operator is None:
        return True
    if operator not in _ROUNDED.get(precision, ()):
        raise UnsupportedModel(
            f"{where}: is quantized already ({operator}), precision {precision} needs float32"
        )
    return False


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A file that the layout must have.

    Raises:
        UnsupportedModel: It is missing or no JSON object.
    """
    if not (folder / name).is_file():
        raise UnsupportedModel(f"no {name} in {folder}")
    return read_object(folder / name)


def read_json_if_there(folder: Path, name: str) -> dict[str, Any]:
    """The same of a file that may be missing; then empty."""
    return read_object(folder / name) if (folder / name).is_file() else {}


def sizes(config: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """A list of positive whole numbers in config.json.

    Raises:
        UnsupportedModel: It is missing or something else.
    """
    value = config.get(key)
    if not isinstance(value, list) or not value or not all(_is_size(item) for item in value):
        raise UnsupportedModel(f"config.json: {key} is {value!r:.60} (expected whole numbers)")
    return tuple(value)


def number(config: Mapping[str, Any], key: str, default: float) -> float:
    """A number in config.json.

    Raises:
        UnsupportedModel: It is something else.
    """
    value = config.get(key, default)
    if type(value) not in (int, float):
        raise UnsupportedModel(f"config.json: {key} is {value!r:.60} (expected a number)")
    return float(value)


def card_languages(folder: Path) -> tuple[str, ...]:
    """The languages that the front matter of README.md names; empty if it names none."""
    path = folder / "README.md"
    if not path.is_file():
        return ()
    matter = _FRONT_MATTER.match(path.read_text(encoding="utf-8", errors="replace")[:100_000])
    if matter is None:
        return ()
    lines = iter(matter[1].splitlines())
    for line in lines:
        if not line.startswith("language:"):
            continue
        inside = line.partition(":")[2].strip().strip("[]")
        words = inside.split(",") if inside else _items(list(lines))
        codes = [word.strip().strip("\"'") for word in words]
        return tuple(dict.fromkeys(code for code in codes if _LANGUAGE.match(code)))
    return ()


def short_code(language: str) -> str:
    """The shorter code of a language that MMS names, where the rest of the program uses one."""
    return _SHORT_CODES.get(language.partition("-")[0], language)


def _items(lines: list[str]) -> list[str]:
    """The list below a key."""
    found = []
    for line in lines:
        if not line.lstrip().startswith("- "):
            break
        found.append(line.lstrip()[2:])
    return found


def _is_size(value: object) -> bool:
    return type(value) is int and value > 0
