"""What edge-voice does with a Cohere Transcribe of random weights; each function in a child.

`benchmarks.cohere_full_size` says what is measured and calls these.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything can import onnxruntime

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.children import memory_bytes, peak_bytes
from benchmarks.timing import in_turns, summary, timed

CONTEXT_SECONDS = 30.0
ROWS = 4
_SAMPLE_RATE = 16_000
_GREEDY_TOKENS = 120  # four a second
_STEPS = 16  # of a turn
_STEP_TURNS = 8
_FLOOR_ROUNDS = 5


def export(size: str, precision: str, folder: str) -> dict[str, Any]:
    """Exports a checkpoint whose tensors are made up when they are read.

    Args:
        size: One of `benchmarks.synthetic_cohere.SIZES`.
        precision: Preset.
        folder: Of the bundle; the made-up tokenizer lies beside it.
    """
    from benchmarks.synthetic_cohere import SIZES, SyntheticCohere
    from edge_voice.manifest import SourceEntry
    from edge_voice_export.pipeline import export_checkpoint

    bundle = Path(folder)
    checkpoint = SyntheticCohere(bundle.with_name(f"{bundle.name}-checkpoint"), SIZES[size])
    begin = time.perf_counter()
    export_checkpoint(
        checkpoint,
        bundle,
        precision=precision,
        name="cohere-transcribe (random weights)",
        licence="",
        provenance=SourceEntry(file="none"),
    )
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "peak_bytes": peak_bytes(),
        "bundle_bytes": sum(path.stat().st_size for path in bundle.iterdir()),
    }


def load(folder: str, threads: int) -> dict[str, Any]:
    """Seconds to open a bundle, onnxruntime's import included."""
    import edge_voice

    return {"seconds": round(timed(lambda: edge_voice.load(folder, threads=threads)), 2)}


def run(
    folder: str, threads: int, clips: list[float], rounds: int, floor: bool
) -> dict[str, Any]:
    """Loads a bundle, transcribes a clip, times its parts at all lengths; with or without floor."""
    import edge_voice

    begin = time.perf_counter()
    model: Any = edge_voice.load(folder, threads=threads)
    found: dict[str, Any] = {"load_seconds": round(time.perf_counter() - begin, 2)}
    noise = _noise(CONTEXT_SECONDS)
    language = model.languages[0]
    whole = timed(lambda: model.generate(noise, language, max_new_tokens=_GREEDY_TOKENS))
    found |= {
        "greedy_tokens": _GREEDY_TOKENS,
        "greedy_seconds": round(whole, 3),
        "one_clip_peak_bytes": peak_bytes(),
        # Of what is resident now, pages of mapped files could be dropped by the kernel.
        "anonymous_bytes": memory_bytes("RssAnon"),
        "file_bytes": memory_bytes("RssFile"),
        "clips": _clips(model, clips, rounds),
        "context": _context(model),
        "peak_bytes": peak_bytes(),
    }
    if floor:
        found["floor"] = _floor(model, Path(folder), threads)
    found["load_average"] = round(os.getloadavg()[0], 2)
    return found


def _noise(seconds: float) -> Any:
    """(n,) float32: what a clip contains does not change what it costs."""
    samples = np.random.default_rng(0).standard_normal(int(seconds * _SAMPLE_RATE))
    return (0.1 * samples).astype(np.float32)


def _clips(model: Any, clips: list[float], rounds: int) -> list[dict[str, Any]]:
    """Front end, encoder and a decoder step for clips of several lengths, taking turns."""
    waveforms = {seconds: _noise(seconds) for seconds in clips}
    times: dict[tuple[float, str], list[float]] = {}
    for _ in range(rounds):
        for seconds, waveform in waveforms.items():
            for part, taken in _one_clip(model, waveform).items():
                times.setdefault((seconds, part), []).extend(taken)
    return [
        {
            "seconds": seconds,
            "front_end_seconds": summary(times[seconds, "front end"]),
            "encoder_seconds": summary(times[seconds, "encoder"]),
            "step_milliseconds": summary(times[seconds, "step"], unit=1000, digits=3),
        }
        for seconds in clips
    ]


def _one_clip(model: Any, waveform: Any) -> dict[str, list[float]]:
    begin = time.perf_counter()
    features = model.features(waveform)
    middle = time.perf_counter()
    encoded = model._encoder([features])
    end = time.perf_counter()
    step = _stepper(model, encoded, 1)
    steps = in_turns({"step": step}, rounds=1, repeats=_STEPS)["step"]
    return {"front end": [middle - begin], "encoder": [end - middle], "step": steps}


def _stepper(model: Any, encoded: Any, rows: int) -> Callable[[], object]:
    """One more token for every row, behind a prompt; starts again when the cache is full."""
    decoder = _prompted(model, encoded, rows)
    tokens, start = np.full(rows, 5), decoder.cache.length

    def step() -> None:
        if decoder.cache.length == decoder.cache.capacity:
            decoder.cache.truncate(start)
        decoder.step(tokens)

    return step


def _prompted(model: Any, encoded: Any, rows: int) -> Any:
    prompt = np.array(model.config.prompt(model.languages[0], punctuation=True))
    capacity = len(prompt) + _GREEDY_TOKENS
    decoder = model.listener.new_decoder(encoded, rows, capacity)
    decoder.prefill(np.tile(prompt, (rows, 1)), np.array([len(prompt) - 1]))
    return decoder


def _context(model: Any) -> dict[str, Any]:
    """A decoder that listens to half a minute: prompt and steps."""
    encoded = model._encoder([model.features(_noise(CONTEXT_SECONDS))])
    several = _side_by_side(encoded, ROWS)
    actions = {
        "one row": _stepper(model, encoded, 1),
        "more rows": _stepper(model, several, ROWS),
    }
    times = in_turns(actions, rounds=_STEP_TURNS, repeats=_STEPS)
    prefill = in_turns({"prefill": lambda: _prompted(model, encoded, 1)}, rounds=5)["prefill"]
    return {
        "seconds": CONTEXT_SECONDS,
        "prefill_milliseconds": summary(prefill, unit=1000, digits=2),
        "step_milliseconds": {
            "1": summary(times["one row"], unit=1000, digits=3),
            str(ROWS): summary(times["more rows"], unit=1000, digits=3),
        },
    }


def _side_by_side(encoded: Any, clips: int) -> Any:
    """The same clip several times, each with memory of its own."""
    cross = {name: np.repeat(array, clips, axis=0) for name, array in encoded.cross.items()}
    return type(encoded)(None, cross, encoded.lengths * clips)


def _floor(model: Any, folder: Path, threads: int) -> dict[str, Any]:
    """Encoder and decoder step by turns with their bare multiplications."""
    from benchmarks.cohere_floor import Bare

    features = model.features(_noise(CONTEXT_SECONDS))
    encoded = model._encoder([features])
    positions = encoded.lengths[0]
    bare = Bare.encoder(folder, threads, positions)
    encoder = in_turns(
        {"whole": lambda: model._encoder([features]), "bare": bare.run}, rounds=_FLOOR_ROUNDS
    )
    bare = Bare.decoder(folder, threads, positions, encoded.cross)
    step = in_turns(
        {"whole": _stepper(model, encoded, 1), "bare": bare.run},
        rounds=_STEP_TURNS,
        repeats=_STEPS,
    )
    return {
        "encoder_seconds": {name: summary(times) for name, times in encoder.items()},
        "encoder_ratio": round(min(encoder["whole"]) / min(encoder["bare"]), 3),
        "step_milliseconds": {
            name: summary(times, unit=1000, digits=3) for name, times in step.items()
        },
        "step_ratio": round(min(step["whole"]) / min(step["bare"]), 3),
    }
