"""PyTorch checkpoints through optimum: its ONNX folder, and the model to compare with.

Needs the extra `optimum`, in an environment of its own: optimum-onnx 0.1 works with transformers
before 4.58 only. Everything heavy is imported when it is used.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge_voice.errors import FetchError, ModelNotFound, OptionError, UnsupportedModel

from .json_object import read_object

_CTC = "automatic-speech-recognition"
_SEQ2SEQ = "automatic-speech-recognition-with-past"
_SPEECH = "text-to-audio"
# Architectures that optimum exports and that the runtime has a family for.
TASKS = {
    "WhisperForConditionalGeneration": _SEQ2SEQ,
    "MoonshineForConditionalGeneration": _SEQ2SEQ,
    "Wav2Vec2ForCTC": _CTC,
    "Wav2Vec2ConformerForCTC": _CTC,
    "HubertForCTC": _CTC,
    "WavLMForCTC": _CTC,
    "SEWForCTC": _CTC,
    "SEWDForCTC": _CTC,
    "UniSpeechForCTC": _CTC,
    "UniSpeechSatForCTC": _CTC,
    "VitsModel": _SPEECH,
}
# Tokenizers, how audio is prepared, and the model card, which names the language.
_COMPANIONS = (
    "README.md",
    "tokenizer.bin",
    "vocab.json",
    "merges.txt",
    "normalizer.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "special_tokens_map.json",
    "preprocessor_config.json",
    "processor_config.json",
)
_PACKAGES = ("optimum", "optimum-onnx", "transformers", "torch")
_OWN_ENVIRONMENT = (
    "--via optimum needs an environment of its own: python3 -m venv optimum &&"
    " optimum/bin/pip install 'edge-voice[optimum]'"
)


@dataclass(frozen=True, slots=True)
class Traced:
    """What optimum made of a checkpoint.

    Attributes:
        model: The PyTorch model itself, in evaluation mode.
        folder: Graphs and the files beside them.
    """

    model: Any
    folder: Path


def trace(
    source: str, folder: Path, *, revision: str = "", target_language: str = ""
) -> Traced:
    """Exports a checkpoint with optimum.

    Args:
        source: Folder of a Hugging Face checkpoint, or OWNER/REPOSITORY on the hub.
        folder: Where the graphs go; exists, and is empty.
        revision: Commit or branch of the repository.
        target_language: Which adapter of an MMS checkpoint to take, such as `deu`.

    Raises:
        OptionError: optimum is not installed, or cannot work in this environment.
        ModelNotFound: No such folder.
        FetchError: The repository cannot be fetched.
        UnsupportedModel: An architecture that optimum or the runtime does not know, or a
            checkpoint that does not fit it.
    """
    _check_source(source)
    with _quiet():
        transformers, export = _import_optimum()
        offline = _is_local(source) or _is_offline()
        place: dict[str, Any] = {"local_files_only": offline, "revision": revision or "main"}
        config = _loaded(source, transformers.AutoConfig.from_pretrained, place)
        architecture = _architecture(source, config)
        if target_language:
            place["target_lang"] = target_language
        model = _load_model(source, getattr(transformers, architecture), place)
        _copy_companions(source, folder, revision=revision, offline=offline)
        if target_language:
            _set_target_language(folder / "tokenizer_config.json", target_language)
        try:
            export(model=model, output=folder, task=TASKS[architecture], do_validation=False)
        except Exception as error:  # tracing fails in as many ways as PyTorch has
            raise UnsupportedModel(
                f"{source}: optimum cannot export {architecture}: {_first_line(error)}"
            ) from None
    return Traced(model, folder)


def _check_source(source: str) -> None:
    if _is_local(source):
        return
    owner, _, repository = source.partition("/")
    if not owner or not repository or "/" in repository or source.startswith((".", "~")):
        raise ModelNotFound(f"no folder {source} (allowed: a folder, or OWNER/REPOSITORY)")


def _is_local(source: str) -> bool:
    return Path(source).is_dir()


def _is_offline() -> bool:
    return any(os.environ.get(name) == "1" for name in ("EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE"))


def _import_optimum() -> tuple[Any, Any]:
    """transformers, and optimum's function that exports a loaded model."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import transformers
        from optimum.exporters.onnx import (  # type: ignore[import-not-found, unused-ignore]
            onnx_export_from_model,
        )
    except ImportError as error:
        found = ", ".join(_installed()) or "none of its packages"
        raise OptionError(
            f"{_OWN_ENVIRONMENT} (found: {found}; {_first_line(error)})"
        ) from None
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call, unused-ignore]
    return transformers, onnx_export_from_model


def _installed() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


def _architecture(source: str, config: Any) -> str:
    found = (getattr(config, "architectures", None) or [type(config).__name__])[0]
    if found not in TASKS:
        raise UnsupportedModel(
            f"{source}: cannot export {found} via optimum (known: {', '.join(sorted(TASKS))})"
        )
    return str(found)


def _load_model(source: str, kind: Any, options: dict[str, Any]) -> Any:
    if "target_lang" in options:  # another alphabet, another head
        options = {**options, "ignore_mismatched_sizes": True}
    model, report = _loaded(
        source, kind.from_pretrained, {**options, "output_loading_info": True}
    )
    if missing := sorted(report["missing_keys"]):
        raise UnsupportedModel(
            f"{source}: {len(missing)} tensors are missing, the first of them {missing[0]}"
        )
    return model.float().eval()


def _copy_companions(source: str, folder: Path, *, revision: str, offline: bool) -> None:
    """Tokenizer, feature extractor; what is not there is left for the recipe to miss."""
    origin = Path(source)
    if not _is_local(source):
        from huggingface_hub import snapshot_download

        options = {"allow_patterns": list(_COMPANIONS), "local_files_only": offline}
        origin = Path(
            _loaded(source, snapshot_download, {**options, "revision": revision or None})
        )
    for name in _COMPANIONS:
        if (origin / name).is_file():
            shutil.copyfile(origin / name, folder / name)


def _set_target_language(path: Path, language: str) -> None:
    """The tokenizer has the alphabets of all languages; says which one the adapter has."""
    settings = read_object(path) if path.exists() else {}
    path.write_text(json.dumps({**settings, "target_lang": language}), encoding="utf-8")


def _loaded(source: str, load: Any, options: dict[str, Any]) -> Any:
    try:
        return load(source, **options)
    except Exception as error:  # of transformers, huggingface_hub, safetensors and torch
        message = f"{source}: cannot be loaded: {_first_line(error)}"
        kind = UnsupportedModel if _is_local(source) else FetchError
        raise kind(message) from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps a tracer's warnings, which are for its authors, from the screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
