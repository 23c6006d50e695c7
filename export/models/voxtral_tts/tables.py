"""Tables that the runtime reads by row from the disk: embeddings of text and audio, and voices."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import UnsupportedModel
from edge_voice.models.voxtral_tts.tables import block_record

from ...checkpoint import Checkpoint
from ...package import Bundle
from ...quantize import Scheme, dequantize_blocks, quantize_blocks
from ...report import ErrorMeter, Layer
from ...tensor import LazyTensor, WeightFile
from ...torch_file import read_torch_file
from ...weights import Array, CheckpointMatrix, row_chunks

_VOICE_FOLDER = "voice_embedding"
_VOICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_STORED_AS: dict[str, np.dtype[Any]] = {
    "bfloat16": np.dtype("<u2"),
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
}


def add_table(bundle: Bundle, checkpoint: Checkpoint, role: str, name: str) -> None:
    """Copies a tensor into a `.npy` file of its own, as published or in blocks of 8 bits.

    numpy has no bfloat16: its bits are stored as uint16, which no other table has.
    """
    matrix, stored = CheckpointMatrix(checkpoint, name), checkpoint.dtype(name)
    scheme, file, meter = bundle.recipe.scheme(role), f"{role}.npy", ErrorMeter()
    if scheme.bits == 32:
        parts = (_narrowed(rows, stored) for _, rows in row_chunks(matrix))
        bundle.stream_asset(role, file, _npy(matrix.shape, _stored_dtype(stored), parts))
    else:
        stored, (count, width) = scheme.name, matrix.shape
        blocks = Scheme(scheme.bits, scheme.block_size or width)  # none: a scale for a whole row
        record = block_record(width, blocks.block_size)
        records = (_in_blocks(rows, blocks, record, meter) for _, rows in row_chunks(matrix))
        bundle.stream_asset(role, file, _npy((count,), record, records))
    size = (bundle.folder / file).stat().st_size
    layer = Layer(role, stored, math.prod(matrix.shape), size, meter.relative)
    bundle.report.layers.append(layer)


def _in_blocks(rows: Array, scheme: Scheme, record: np.dtype[Any], meter: ErrorMeter) -> Array:
    """Rows as the bytes of such records."""
    codes, scales = quantize_blocks(rows, scheme)
    meter.add(rows, dequantize_blocks(codes, scales, rows.shape[1]))
    records = np.empty(len(rows), record)
    records["codes"], records["scales"] = codes, scales
    return records.view(np.uint8)


def add_voices(bundle: Bundle, folder: Path, names: dict[str, int], width: int) -> dict[str, int]:
    """Copies all voices into one table.

    Args:
        bundle: Receives it.
        folder: The checkpoint's folder; its `voice_embedding` has one `.pt` file a voice. Files
            that the catalog fetched stand in the folder itself.
        names: Voices that params.json lists, with their numbers.
        width: Channels of the model.

    Returns:
        Name → rows of each voice, in the order of their numbers.

    Raises:
        ModelNotFound: A voice that is listed has no file.
        UnsupportedModel: A file is damaged, or holds anything but one table of that width.
    """
    order = sorted(names, key=lambda name: names[name])
    if not order:
        raise UnsupportedModel("params.json lists no voices")
    voices = {name: _read_voice(folder / _VOICE_FOLDER, name, width) for name in order}
    rows = np.concatenate(list(voices.values()))
    parts = [_narrowed(rows, "bfloat16")]
    if not np.array_equal((parts[0].astype(np.uint32) << 16).view(np.float32), rows):
        parts = [rows]
    bundle.stream_asset("voices", "voices.npy", _npy(rows.shape, parts[0].dtype, parts))
    return {name: len(table) for name, table in voices.items()}


def _read_voice(folder: Path, name: str, width: int) -> Array:
    if not _VOICE_NAME.match(name):
        raise UnsupportedModel(f"params.json: voice {name!r} is not a plain name")
    published, fetched = folder / f"{name}.pt", folder.parent / f"{name}.pt"
    path = fetched if fetched.exists() else published
    with WeightFile(path) as file:
        tensor = read_torch_file(file)
        if not isinstance(tensor, LazyTensor):
            raise UnsupportedModel(f"{path} holds a {type(tensor).__name__}, expected one tensor")
        if len(tensor.shape) != 2 or tensor.shape[1] != width or not tensor.shape[0]:
            raise UnsupportedModel(
                f"{path} has shape {list(tensor.shape)} (expected rows of {width})"
            )
        rows = tensor.read()
    if rows.dtype != np.float32 or not np.isfinite(rows).all():
        raise UnsupportedModel(f"{path} holds values that are not finite floats")
    return rows


def _npy(
    shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterable[Array]
) -> Iterator[bytes | Array]:
    """A `.npy` file, part by part."""
    header: dict[str, Any] = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    yield buffer.getvalue()
    yield from parts


def _stored_dtype(stored: str) -> np.dtype[Any]:
    if stored not in _STORED_AS:
        raise UnsupportedModel(
            f"an embedding is stored as {stored} (known: {', '.join(_STORED_AS)})"
        )
    return _STORED_AS[stored]


def _narrowed(rows: Array, stored: str) -> Array:
    """Values as they were stored; widening them gives back the same."""
    dtype = _stored_dtype(stored)
    if stored == "bfloat16":
        return (rows.view(np.uint32) >> 16).astype(dtype)
    return rows.astype(dtype)
