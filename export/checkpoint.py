"""Published checkpoints as tensors by name, read one at a time.

Four layouts are known: a Hugging Face folder (`config.json` with safetensors in one file or in
shards), a Mistral folder (`params.json` with `consolidated.safetensors`), OpenAI's Whisper `.pt`
file, and a folder of finished ONNX graphs. None needs torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from numpy.typing import NDArray

from edge_voice.errors import ModelNotFound, UnsupportedModel

from .closable import Closable
from .json_object import read_object
from .onnx_folder import OnnxFolder, find_graphs
from .safetensors_file import read_contents
from .tensor import LazyTensor, WeightFile
from .torch_file import read_torch_file
from .traced_checkpoint import find_traced, open_traced

Layout = Literal["huggingface", "mistral", "openai", "onnx"]

_SINGLE_FILE = "model.safetensors"
_MISTRAL_FILE = "consolidated.safetensors"
# `model.safetensors.index.json`, and variants such as `model.safetensors.index.fp32.json`.
_INDEX_PATTERN = "model.safetensors.index*.json"
_TORCH_SUFFIXES = (".pt", ".pth")
_PLAIN_NAME = re.compile(r"[\w-][\w.-]*")


class Checkpoint(Protocol):
    """A published model: its configuration, and its tensors read when asked for."""

    @property
    def config(self) -> dict[str, Any]:
        """Parsed config.json or params.json, or the `dims` of an OpenAI file."""

    @property
    def layout(self) -> Layout:
        """Whose tensor names and configuration keys these are; `onnx`: finished graphs."""

    @property
    def folder(self) -> Path:
        """Where the weights and the files beside them lie."""

    @property
    def weight_files(self) -> tuple[Path, ...]:
        """The files that hold the tensors."""

    def names(self) -> tuple[str, ...]:
        """Names of all tensors."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor; UnsupportedModel if there is none of that name."""

    def dtype(self, name: str) -> str:
        """Stored dtype of a tensor, such as `float16`; UnsupportedModel if there is none."""

    def read(self, name: str) -> NDArray[Any]:
        """All values of a tensor: floats as float32, integers as stored."""

    def read_rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows of a tensor's first axis: floats as float32, integers as stored."""

    def close(self) -> None:
        """Lets go of the files."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True)
class StoredCheckpoint(Closable):
    """A checkpoint in files on disk; what `open_checkpoint` returns."""

    tensors: Mapping[str, LazyTensor]
    config: dict[str, Any]
    layout: Layout
    folder: Path
    weight_files: tuple[Path, ...]
    _open_files: ExitStack = field(repr=False)

    def names(self) -> tuple[str, ...]:
        """Names of all tensors, in the order in which they lie in the files."""
        return tuple(self.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor; UnsupportedModel if there is none of that name."""
        return self._tensor(name).shape

    def dtype(self, name: str) -> str:
        """Stored dtype of a tensor, such as `float16`; UnsupportedModel if there is none."""
        return self._tensor(name).dtype

    def read(self, name: str) -> NDArray[Any]:
        """Reads a whole tensor.

        Returns:
            Array of the tensor's shape: floats as float32, integers and bools as stored.

        Raises:
            UnsupportedModel: there is no tensor of that name.
        """
        return self._tensor(name).read()

    def read_rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Reads rows `start` to `stop` of a tensor's first axis, and only their bytes.

        Returns:
            Array (stop - start, *shape[1:]): floats as float32, integers and bools as stored.

        Raises:
            UnsupportedModel: there is no tensor of that name.
            IndexError: the tensor has no such rows.
        """
        return self._tensor(name).read_rows(start, stop)

    def close(self) -> None:
        """Closes the weight files; tensors cannot be read afterwards."""
        self._open_files.close()

    def _tensor(self, name: str) -> LazyTensor:
        try:
            return self.tensors[name]
        except KeyError:
            raise UnsupportedModel(
                f"no tensor {name!r} among the {len(self.tensors)} of {self.folder}"
            ) from None


def open_checkpoint(source: Path) -> Checkpoint:
    """Opens a checkpoint without reading any tensor's values.

    Args:
        source: a Hugging Face or Mistral folder, a `.safetensors` file with `config.json` (or, if
            it is called `consolidated.safetensors`, `params.json`) beside it, or an OpenAI Whisper
            `.pt` file.

    Raises:
        ModelNotFound: nothing there, or one of its files is missing.
        UnsupportedModel: damaged, or in a layout that is not known.
    """
    if not source.exists():
        raise ModelNotFound(f"no checkpoint at {source}")
    if source.is_dir():
        return _open_folder(source)
    if source.name == _MISTRAL_FILE:
        return _open_mistral(source)
    if source.suffix == ".safetensors":
        return _open_safetensors([source], source.parent / "config.json", "huggingface")
    if source.suffix in _TORCH_SUFFIXES:
        return _open_openai(source)
    raise UnsupportedModel(
        f"{source} is not a checkpoint"
        " (allowed: a Hugging Face or Mistral folder, .safetensors, .pt, .pth)"
    )


def _open_folder(folder: Path) -> Checkpoint:
    single = folder / _SINGLE_FILE
    config = folder / "config.json"
    if single.exists():
        return _open_safetensors([single], config, "huggingface")
    if (folder / _MISTRAL_FILE).exists():
        return _open_mistral(folder / _MISTRAL_FILE)
    index = min(folder.glob(_INDEX_PATTERN), default=None, key=lambda path: len(path.name))
    if index is None and (traced := find_traced(folder)):
        return open_traced(folder, *traced)
    if index is None and (graphs := find_graphs(folder)):
        return OnnxFolder(folder, graphs, read_object(config) if config.is_file() else {})
    if index is None:
        raise ModelNotFound(
            f"no {_SINGLE_FILE}, no {_SINGLE_FILE}.index.json and no {_MISTRAL_FILE} in {folder}"
        )
    shard_of = _read_index(index)
    shards = [folder / name for name in sorted(set(shard_of.values()))]
    return _open_safetensors(shards, config, "huggingface", shard_of)


def _open_mistral(weights: Path) -> Checkpoint:
    return _open_safetensors([weights], weights.parent / "params.json", "mistral")


def _read_index(path: Path) -> dict[str, str]:
    """Reads which shard holds each tensor, refusing names that lead out of the folder."""
    shard_of = read_object(path).get("weight_map")
    if not isinstance(shard_of, dict) or not shard_of:
        raise UnsupportedModel(f"{path} has no weight_map of tensors to files")
    for name, shard in shard_of.items():
        if not isinstance(shard, str) or not _PLAIN_NAME.fullmatch(shard):
            raise UnsupportedModel(
                f"{path} puts tensor {name!r} into {shard!r} (allowed: a plain file name)"
            )
    return shard_of


def _open_safetensors(
    weight_files: list[Path],
    config_file: Path,
    layout: Layout,
    shard_of: Mapping[str, str] | None = None,
) -> Checkpoint:
    folder, config = config_file.parent, read_object(config_file)
    with ExitStack() as stack:
        files = [stack.enter_context(WeightFile(path)) for path in weight_files]
        tensors = _merge(files)
        _check_index(tensors, shard_of or {}, folder)
        return StoredCheckpoint(
            tensors, config, layout, folder, tuple(weight_files), stack.pop_all()
        )


def _merge(files: Iterable[WeightFile]) -> dict[str, LazyTensor]:
    """The tensors of all shards together."""
    tensors: dict[str, LazyTensor] = {}
    for file in files:
        contents = read_contents(file)
        repeated = tensors.keys() & contents.keys()
        if repeated:
            name = min(repeated)
            raise UnsupportedModel(
                f"tensor {name!r} stands in both {tensors[name].file.path} and {file.path}"
            )
        tensors |= contents
    return tensors


def _check_index(
    tensors: Mapping[str, LazyTensor], shard_of: Mapping[str, str], folder: Path
) -> None:
    for name, shard in shard_of.items():
        if name not in tensors or tensors[name].file.path.name != shard:
            raise UnsupportedModel(f"tensor {name!r} is not in {folder / shard}, as its index says")


def _open_openai(path: Path) -> Checkpoint:
    with ExitStack() as stack:
        content = read_torch_file(stack.enter_context(WeightFile(path)))
        if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= content.keys():
            raise UnsupportedModel(f"{path} is no Whisper file: no dims and model_state_dict in it")
        return StoredCheckpoint(
            _state_dict(content["model_state_dict"], path),
            _dims(content["dims"], path),
            "openai",
            path.parent,
            (path,),
            stack.pop_all(),
        )


def _state_dict(value: object, path: Path) -> dict[str, LazyTensor]:
    if not isinstance(value, dict):
        raise UnsupportedModel(f"{path}: model_state_dict is not a dict of tensors")
    for name, tensor in value.items():
        if not isinstance(name, str) or not isinstance(tensor, LazyTensor):
            raise UnsupportedModel(f"{path}: model_state_dict holds a {type(tensor).__name__}")
    return value


def _dims(value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnsupportedModel(f"{path}: dims is not a dict of sizes")
    for name, size in value.items():
        if not isinstance(name, str) or type(size) is not int:
            raise UnsupportedModel(f"{path}: dims holds a {type(size).__name__} (allowed: int)")
    return value
