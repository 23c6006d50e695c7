"""JSON objects out of files that nobody has checked yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_voice.errors import ModelNotFound, UnsupportedModel

_MAX_BYTES = 64 << 20


def parse_object(data: bytes, source: str) -> dict[str, Any]:
    """Parses one JSON object.

    Args:
        data: the text in UTF-8.
        source: what it is, for error messages.

    Raises:
        UnsupportedModel: not JSON, not an object, or a key stands twice in an object.
    """

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise UnsupportedModel(f"{source} names a key twice: {_first_repeated(pairs)!r}")
        return found

    try:
        value = json.loads(data, object_pairs_hook=without_duplicates)
    except UnsupportedModel:
        raise
    except (ValueError, RecursionError) as error:
        raise UnsupportedModel(f"{source} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise UnsupportedModel(f"{source} holds a JSON {type(value).__name__} (expected an object)")
    return value


def read_object(path: Path) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Raises:
        ModelNotFound: the file is missing or cannot be read.
        UnsupportedModel: it is too large or not a JSON object.
    """
    if not path.is_file():
        raise ModelNotFound(f"no {path.name} in {path.parent}")
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ModelNotFound(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise UnsupportedModel(f"{path} is larger than {_MAX_BYTES} bytes (the most allowed)")
    return parse_object(data, str(path))


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    keys = [key for key, _ in pairs]
    return next(key for index, key in enumerate(keys) if key in keys[:index])
