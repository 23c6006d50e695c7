"""Feeds recordings to an engine as if they were being spoken, in a process of its own.

Started by `benchmarks.live` with the Python that has the engine; imports nothing of the
repository. The clock is simulated: a chunk arrives when its audio is over and the engine is done
with the ones before. Computing takes the time that it takes, waiting takes none, and so two
minutes of speech are measured in the time that they need to be computed.

    python live_child.py CONFIG.json REPORT.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SAMPLE_RATE = 16_000


class SimulatedClock:
    """Seconds since a recording began, as a listener in real time would count them.

    Attributes:
        computed: Seconds that were not spent waiting.
    """

    def __init__(self) -> None:
        self.computed = 0.0
        self._arrived = 0.0
        self._resumed = time.perf_counter()

    def now(self) -> float:
        """What the clock shows."""
        return self._arrived + time.perf_counter() - self._resumed

    def chunks(self, samples: Any, size: int) -> Iterator[Any]:
        """Samples in chunks, each when it has arrived and is asked for."""
        for start in range(0, len(samples), size):
            chunk = samples[start : start + size]
            self.computed += time.perf_counter() - self._resumed
            self._arrived = max(self.now(), (start + len(chunk)) / SAMPLE_RATE)
            self._resumed = time.perf_counter()
            yield chunk
        self.computed += time.perf_counter() - self._resumed


def event(now: float, index: int, stable: str, tail: str, is_final: bool) -> dict[str, Any]:
    """What a user sees at some second."""
    return {"second": now, "index": index, "stable": stable, "tail": tail, "final": is_final}


class EdgeVoice:
    """Ours."""

    def __init__(self, config: dict[str, Any]) -> None:
        import edge_voice

        self._listen = edge_voice.listen
        self._model = edge_voice.load(config["model"], threads=config["threads"])

    def offline(self, samples: Any) -> str:
        """Text of a whole recording."""
        return str(self._model.transcribe(samples, language="en").text)

    def live(self, samples: Any, size: int, clock: SimulatedClock) -> Iterator[dict[str, Any]]:
        """Everything that is shown while a recording goes on."""
        for found in self._listen(self._model, clock.chunks(samples, size), language="en"):
            yield event(clock.now(), found.index, found.stable, found.tail, found.is_final)


class MoonshineVoice:
    """moonshine-voice with its own segmentation and its default interval; no word is stable."""

    def __init__(self, config: dict[str, Any]) -> None:
        from moonshine_voice import ModelArch, Transcriber

        self._transcriber = Transcriber(config["model"], ModelArch.TINY)

    def offline(self, samples: Any) -> str:
        """Text of a whole recording."""
        found = self._transcriber.transcribe_without_streaming(samples.tolist())
        return " ".join(line.text.strip() for line in found.lines)

    def live(self, samples: Any, size: int, clock: SimulatedClock) -> Iterator[dict[str, Any]]:
        """Everything that is shown while a recording goes on."""
        shown: list[Any] = []
        stream = self._transcriber.create_stream()
        stream.add_listener(shown.append)
        stream.start()
        for chunk in clock.chunks(samples, size):
            stream.add_audio(chunk.tolist())
            yield from self._events(shown, clock)
        stream.stop()
        yield from self._events(shown, clock)
        stream.close()

    def _events(self, shown: list[Any], clock: SimulatedClock) -> Iterator[dict[str, Any]]:
        for found in shown:
            kind = type(found).__name__
            if kind in ("LineTextChanged", "LineCompleted"):
                text, is_final = found.line.text.strip(), kind == "LineCompleted"
                stable, tail = (text, "") if is_final else ("", text)
                yield event(clock.now(), found.line.line_id, stable, tail, is_final)
        shown.clear()


ENGINES = {"edge-voice": EdgeVoice, "moonshine-voice": MoonshineVoice}


def measure(config: dict[str, Any]) -> dict[str, Any]:
    """Listens to every recording, after a warm-up with the first one."""
    import numpy as np

    engine = ENGINES[config["kind"]](config)
    recordings = {name: np.load(path) for name, path in config["clips"].items()}
    first = next(iter(recordings.values()))
    list(engine.live(first, config["chunk_samples"], SimulatedClock()))
    report = {}
    for name, samples in recordings.items():
        clock = SimulatedClock()
        events = list(engine.live(samples, config["chunk_samples"], clock))
        report[name] = {
            "events": events,
            "computed": clock.computed,
            "offline": engine.offline(samples),
        }
    return report


if __name__ == "__main__":
    _config = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps(measure(_config)))
