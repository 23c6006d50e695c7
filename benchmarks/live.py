"""Measures speech that is transcribed while it is spoken.

    python -m benchmarks.live --bundle whisper-tiny.en=DIR --moonshine-voice --clips DIR

How long after the end of speech its final text is there, how soon the first words are, how many of
them change again, what it costs, and how much worse the text is than that of the whole recording.
See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import corpus, machine, wer
from benchmarks.packages import FetchFailed, last_error, run
from benchmarks.peers.environment import Environment
from benchmarks.peers.rows import child_environment

_CHILD = Path(__file__).with_name("peers") / "live_child.py"
_MOONSHINE = "moonshine-voice"
_MOONSHINE_VERSION = "0.1.0"
_CHUNK_SAMPLES = 512
# Silence around each recording, for the pause behind its last word and to begin with.
_BEFORE_SECONDS, _AFTER_SECONDS = 0.5, 2.0
# Speech is where a frame of 10 ms is less than this below the loudest one.
_SPEECH_DECIBELS = 40.0
_FRAME_SAMPLES = 160


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the table.

    Attributes:
        kind: Name of the engine, as in peers/live_child.py.
        model: For the table.
        path: Its folder.
        python: Interpreter that has the engine.
    """

    kind: str
    model: str
    path: Path
    python: Path


def recording(path: Path) -> tuple[Any, float, float]:
    """Samples of a clip with silence around, and the seconds where speech begins and ends."""
    import numpy as np
    import soundfile

    clip, _ = soundfile.read(path, dtype="float32")
    before, after = (
        np.zeros(round(seconds * corpus.SAMPLE_RATE), np.float32)
        for seconds in (_BEFORE_SECONDS, _AFTER_SECONDS)
    )
    samples = np.concatenate((before, clip, after))
    frames = samples[: len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-_SPEECH_DECIBELS / 10))
    second = _FRAME_SAMPLES / corpus.SAMPLE_RATE
    return samples, float(loud[0] * second), float((loud[-1] + 1) * second)


def measure(
    engine: Engine, clips: tuple[corpus.Clip, ...], threads: int
) -> dict[str, dict[str, Any]]:
    """Reports of live_child.py by clip, with the seconds where speech begins and ends."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        spans, paths = {}, {}
        for clip in clips:
            samples, start, end = recording(clip.path)
            spans[clip.name] = {"start": start, "end": end, "seconds": clip.seconds}
            paths[clip.name] = f"{folder}/{clip.name}.npy"
            np.save(paths[clip.name], samples)
        config, report = Path(folder, "config.json"), Path(folder, "report.json")
        config.write_text(
            json.dumps(
                {
                    "kind": engine.kind,
                    "model": str(engine.path),
                    "threads": threads,
                    "chunk_samples": _CHUNK_SAMPLES,
                    "clips": paths,
                }
            )
        )
        done = subprocess.run(
            [engine.python, _CHILD, config, report],
            check=False,
            capture_output=True,
            text=True,
            env=child_environment(threads),
        )
        if done.returncode:
            sys.exit(f"{engine.kind} {engine.model}: {last_error(done.stderr)}")
        found = json.loads(report.read_text())
    return {name: {**found[name], **span} for name, span in spans.items()}


def summary(clips: tuple[corpus.Clip, ...], reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One row: latencies over the short clips, errors and cost over all."""
    short = [reports[clip.name] for clip in clips if clip.part != "long"]
    finals = [wait for report in short if (wait := final_latency(report)) is not None]
    firsts = [wait for report in short if (wait := first_latency(report)) is not None]
    texts = {name: live_text(report) for name, report in reports.items()}
    offline = {name: report["offline"] for name, report in reports.items()}
    words = sum(len(text.split()) for text in texts.values())
    return {
        "final_latency": spread(finals),
        "first_latency": spread(firsts),
        "clips_with_final": len(finals),
        "clips": len(short),
        "erased_per_word": sum(map(erased_words, reports.values())) / words,
        "stable_share": sum(map(stable_words, reports.values())) / words,
        "retracted": sum(map(retracted_words, reports.values())),
        "rtf": sum(report["computed"] for report in reports.values())
        / sum(report["seconds"] for report in reports.values()),
        "wer_live": wer.score_by_part(clips, texts),
        "wer_offline": wer.score_by_part(clips, offline),
    }


def live_text(report: dict[str, Any]) -> str:
    """All final texts, joined."""
    return " ".join(found["stable"] for found in report["events"] if found["final"])


def final_latency(report: dict[str, Any]) -> float | None:
    """Seconds from the end of speech to the last final text; None without one behind it."""
    seconds = [found["second"] for found in report["events"] if found["final"]]
    return seconds[-1] - report["end"] if seconds and seconds[-1] > report["end"] else None


def first_latency(report: dict[str, Any]) -> float | None:
    """Seconds from the beginning of speech to the first words that are shown."""
    shown = [found["second"] for found in report["events"] if found["stable"] + found["tail"]]
    return shown[0] - report["start"] if shown else None


def erased_words(report: dict[str, Any]) -> int:
    """Words that were shown and taken back: those behind the first that changed, at each update.

    Divided by the words of the result this is normalized erasure (Arivazhagan et al., 2020).
    """
    erased, shown = 0, dict[int, list[str]]()
    for found in report["events"]:
        words = (found["stable"] + found["tail"]).split()
        before = shown.get(found["index"], [])
        erased += len(before) - common_prefix(before, words)
        shown[found["index"]] = words
    return erased


def common_prefix(first: list[str], second: list[str]) -> int:
    """Number of words that both begin with."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))


def stable_words(report: dict[str, Any]) -> int:
    """Words that were stable before their phrase was over."""
    last: dict[int, int] = {}
    for found in report["events"]:
        if not found["final"]:
            last[found["index"]] = len(found["stable"].split())
    return sum(last.values())


def retracted_words(report: dict[str, Any]) -> int:
    """Stable words that did change or were lost; a mistake, if there are any.

    Where a phrase was cut although the speaker went on, stable words from behind the cut are those
    that the next phrase begins with.
    """
    done, retracted, before = list[str](), 0, list[str]()
    for found in report["events"]:
        now = done + found["stable"].split()
        if found["final"]:
            done = now
        kept = common_prefix(before, now)
        if found["final"] and kept == len(now):
            continue
        retracted += len(before) - kept
        before = now
    return retracted + max(0, len(before) - len(done))


def spread(seconds: list[float]) -> dict[str, float] | None:
    """Median and 90th percentile."""
    if len(seconds) < 2:
        return None
    return {"median": median(seconds), "p90": quantiles(seconds, n=10, method="inclusive")[-1]}


def moonshine_voice(cache: Path) -> Engine:
    """moonshine-voice in an environment of its own, with the model that its wheel carries.

    Raises:
        FetchFailed: It cannot be installed.
    """
    environment = Environment(cache / "moonshine-env")
    if environment.version(_MOONSHINE) != _MOONSHINE_VERSION:
        requirement = f"{_MOONSHINE}=={_MOONSHINE_VERSION}"
        run([environment.python, "-m", "pip", "install", "-q", requirement, "numpy>=2.0"])
    model = environment.site_packages / "moonshine_voice" / "assets" / "tiny-en"
    return Engine(_MOONSHINE, "moonshine-tiny int8", model, environment.python)


def main() -> None:
    """Measures every engine and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpus.add_options(parser)
    parser.add_argument("--bundle", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--moonshine-voice", action="store_true", help="measure it too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="so many short clips only: a trial, no result")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = corpus.from_options(options)
    clips = found.short[: options.limit] if options.limit else found.clips
    python = Path(sys.executable)
    engines = [
        Engine("edge-voice", name, folder.resolve(), python)
        for name, folder in wer.parse_bundles(options.bundle).items()
    ]
    if options.moonshine_voice:
        try:
            engines.append(moonshine_voice(options.cache))
        except FetchFailed as error:
            print(f"not measured: {_MOONSHINE}: {error}")
    rows = []
    for engine in engines:
        row = summary(clips, measure(engine, clips, options.threads))
        rows.append({"engine": engine.kind, "model": engine.model, **row})
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "kind": "live",
        "machine": machine.facts(("edge-voice", "onnxruntime")),
        "threads": options.threads,
        "silence_seconds": 0.5,
        "rows": rows,
    }
    out = machine.result_path("live", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
