"""Runs one engine in a process of its own and reports times, memory and texts.

Started by the benchmarks of peers with the Python that has the engine; imports nothing of the
repository, and every engine gets samples that are already decoded, except ours, which opens the
file itself.

    python child.py measure CONFIG.json REPORT.json
    python child.py start CONFIG.json
"""

from __future__ import annotations

import json
import sys
import time
import wave
from pathlib import Path
from typing import Any


def read_wav(path: str) -> Any:
    """16-bit mono WAV as float32 in -1..1."""
    import numpy as np

    with wave.open(path) as file:
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw, np.int16).astype(np.float32) / 32768


class EdgeVoice:
    """Ours."""

    def __init__(self, config: dict[str, Any]) -> None:
        import edge_voice

        self._model = edge_voice.load(config["model"], threads=config["threads"])

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        return self._model.transcribe(path, language="en").text


class FasterWhisper:
    """faster-whisper (CTranslate2): greedy, no fallback."""

    def __init__(self, config: dict[str, Any]) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            config["model"],
            device="cpu",
            compute_type=config["precision"],
            cpu_threads=config["threads"],
        )

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        segments, _ = self._model.transcribe(
            read_wav(path),
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)


class WhisperCpp:
    """whisper.cpp through pywhispercpp: greedy, no fallback."""

    def __init__(self, config: dict[str, Any]) -> None:
        from pywhispercpp.model import Model

        self._model = Model(
            config["model"],
            redirect_whispercpp_logs_to=None,
            n_threads=config["threads"],
            language="en",
            greedy={"best_of": 1},
            temperature_inc=0.0,
            no_context=True,
            print_progress=False,
            print_realtime=False,
        )

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        return " ".join(s.text.strip() for s in self._model.transcribe(read_wav(path)))


class SherpaOnnx:
    """sherpa-onnx; it takes 30 s at most, so longer audio is cut by its Silero detector."""

    def __init__(self, config: dict[str, Any]) -> None:
        import sherpa_onnx

        folder = Path(config["model"])
        ending = ".int8.onnx" if config["precision"] == "int8" else ".onnx"
        self._detector = config["detector"]
        self._library = sherpa_onnx
        self._recognizer = sherpa_onnx.OfflineRecognizer.from_whisper(
            encoder=str(folder / f"encoder{ending}"),
            decoder=str(folder / f"decoder{ending}"),
            tokens=str(folder / "tokens.txt"),
            num_threads=config["threads"],
        )

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        samples = read_wav(path)
        pieces = [samples] if len(samples) < 29 * 16000 else self._cut(samples)
        return " ".join(self._decode(piece) for piece in pieces)

    def _decode(self, samples: Any) -> str:
        stream = self._recognizer.create_stream()
        stream.accept_waveform(16000, samples)
        self._recognizer.decode_stream(stream)
        return stream.result.text.strip()

    def _cut(self, samples: Any) -> list[Any]:
        config = self._library.VadModelConfig()
        config.silero_vad.model = self._detector
        # Its defaults let pieces grow beyond the 30 s that the model takes: words get lost.
        config.silero_vad.max_speech_duration = 20
        config.silero_vad.min_silence_duration = 0.4
        config.sample_rate = 16000
        detector = self._library.VoiceActivityDetector(config, buffer_size_in_seconds=60)
        pieces = []
        for start in range(0, len(samples), 512):
            detector.accept_waveform(samples[start : start + 512])
            pieces += self._drain(detector)
        detector.flush()
        return pieces + self._drain(detector)

    @staticmethod
    def _drain(detector: Any) -> list[Any]:
        pieces = []
        while not detector.empty():
            pieces.append(detector.front.samples)
            detector.pop()
        return pieces


class OnnxAsr:
    """onnx-asr; audio of more than 30 s through its Silero detector."""

    def __init__(self, config: dict[str, Any]) -> None:
        import onnx_asr
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config["threads"]
        options.inter_op_num_threads = 1
        self._model = onnx_asr.load_model(
            "whisper", config["model"], quantization="quantized", sess_options=options
        )
        self._detector = lambda: onnx_asr.load_vad("silero", Path(config["detector"]).parent)

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        samples = read_wav(path)
        if len(samples) < 29 * 16000:
            return self._model.recognize(samples, sample_rate=16000, language="en")
        # Batches of 8, the default, are no faster on a CPU and take 4 GB.
        pieces = self._model.with_vad(self._detector(), batch_size=1)
        results = pieces.recognize(samples, sample_rate=16000, language="en")
        return " ".join(result.text.strip() for result in results)


class OpenaiWhisper:
    """The reference implementation on PyTorch, float32."""

    def __init__(self, config: dict[str, Any]) -> None:
        import torch
        import whisper

        torch.set_num_threads(config["threads"])
        self._model = whisper.load_model(config["model"], device="cpu")

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        result = self._model.transcribe(
            read_wav(path),
            language="en",
            temperature=0.0,
            condition_on_previous_text=False,
            fp16=False,
        )
        return result["text"].strip()


class MoonshineVoice:
    """Moonshine's own package, on the files of its wheel; it cuts audio by its own detector.

    It has no option for threads: onnxruntime inside takes all cores that the process may use.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber

        self._model = Transcriber(config["model"], ModelArch.TINY)

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        lines = self._model.transcribe_without_streaming(read_wav(path).tolist()).lines
        return " ".join(line.text.strip() for line in lines)


class PlainOnnxruntime:
    """Moonshine's 8-bit files in a loop of a few lines: greedy, six tokens a second at most.

    There is no voice activity: audio of more than 25 s is cut at its quietest places.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config["threads"]
        options.inter_op_num_threads = 1
        folder = Path(config["model"])
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(
                str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
            )
            for name in ("encoder_model", "decoder_model_merged")
        )
        self._outputs = [value.name for value in self._decoder.get_outputs()]
        self._pieces = self._read_pieces(Path(config["detector"]).read_bytes())

    def transcribe(self, path: str) -> str:
        """Text of a WAV file."""
        return " ".join(self._decode(piece) for piece in self._cut(read_wav(path)))

    def _decode(self, samples: Any) -> str:
        import numpy as np

        hidden = self._encoder.run(None, {"input_values": samples[None]})[0]
        past = {
            name.replace("present", "past_key_values"): np.zeros((1, 8, 0, 36), np.float32)
            for name in self._outputs[1:]
        }
        token, tokens = 1, []
        for count in range(int(len(samples) / 16000 * 6)):
            feeds = {
                "input_ids": np.array([[token]]),
                "encoder_hidden_states": hidden,
                "use_cache_branch": np.array([count > 0]),
                **past,
            }
            logits, *present = self._decoder.run(None, feeds)
            token = int(logits[0, -1].argmax())
            if token == 2:
                break
            tokens.append(token)
            for name, values in zip(self._outputs[1:], present, strict=True):
                if count == 0 or ".decoder." in name:
                    past[name.replace("present", "past_key_values")] = values
        text = b"".join(self._pieces[i] for i in tokens).decode("utf-8", "replace")
        return text.replace("\u2581", " ").strip()

    @staticmethod
    def _cut(samples: Any) -> list[Any]:
        pieces = []
        while len(samples) > 25 * 16000:
            rows = samples[5 * 16000 : 25 * 16000].reshape(-1, 1600)
            at = 5 * 16000 + 1600 * int((rows**2).sum(axis=1).argmin()) + 800
            pieces.append(samples[:at])
            samples = samples[at:]
        return [*pieces, samples]

    @staticmethod
    def _read_pieces(table: bytes) -> list[bytes]:
        pieces, at = [], 0
        while at < len(table):
            length, at = table[at], at + 1
            pieces.append(table[at : at + length])
            at += length
        return pieces


ENGINES = {
    "edge-voice": EdgeVoice,
    "moonshine-voice": MoonshineVoice,
    "onnxruntime": PlainOnnxruntime,
    "faster-whisper": FasterWhisper,
    "whisper.cpp": WhisperCpp,
    "sherpa-onnx": SherpaOnnx,
    "onnx-asr": OnnxAsr,
    "openai-whisper": OpenaiWhisper,
}


def measure(config: dict[str, Any]) -> dict[str, Any]:
    """Loads, warms up, transcribes every clip; times in seconds, memory in bytes."""
    start = time.perf_counter()
    engine = ENGINES[config["kind"]](config)
    loaded = time.perf_counter()
    engine.transcribe(config["warm_up"])
    texts, seconds = {}, {}
    for name, path in config["clips"].items():
        begin = time.perf_counter()
        texts[name] = engine.transcribe(path)
        seconds[name] = time.perf_counter() - begin
    return {
        "load_seconds": loaded - start,
        "seconds": seconds,
        "texts": texts,
        "peak_bytes": peak_bytes(),
    }


def peak_bytes() -> int:
    """High-water mark of this process's resident memory (ru_maxrss would count the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> None:
    """Entry point; see the module's text."""
    mode, config_file, *rest = sys.argv[1:]
    config = json.loads(Path(config_file).read_text())
    if mode == "measure":
        Path(rest[0]).write_text(json.dumps(measure(config)))
    else:
        print(ENGINES[config["kind"]](config).transcribe(config["warm_up"]), flush=True)


if __name__ == "__main__":
    main()
