"""Models that need no weights."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import pytest

from edge_voice.cli import speak, transcribe
from edge_voice.results import Segment
from edge_voice.synthesizer import AudioChunk
from edge_voice.transcriber import SegmentStream

Fake = TypeVar("Fake", "FakeTranscriber", "FakeSynthesizer")


class FakeTranscriber:
    """Decides `segments` for every recording; remembers how it was called.

    `fail` is raised after the first segment of a recording whose name contains `fail_on`.
    """

    def __init__(self) -> None:
        self.languages: tuple[str, ...] = ("en",)
        self.detected = "en"
        self.segments = [Segment(0.0, 1.0, "Hello & goodbye."), Segment(1.5, 2.0, "Ça va?")]
        self.calls: list[tuple[Any, dict[str, Any]]] = []
        self.opened: list[tuple[Any, ...]] = []
        self.fail: BaseException | None = None
        self.fail_on = ""
        self.after_segment: Callable[[], None] = lambda: None

    def stream(self, audio: Any, **options: Any) -> SegmentStream:
        contents = audio if isinstance(audio, str) else audio.read()
        self.calls.append((contents, options))
        stream = SegmentStream()
        return stream.attach(self._decide(stream, str(contents)))

    def _decide(self, stream: SegmentStream, name: str) -> Iterator[Segment]:
        stream.language, stream.language_probability = self.detected, 0.97
        for segment in self.segments:
            yield segment
            self.after_segment()
            stream.position = segment.end
            if self.fail is not None and self.fail_on in name:
                raise self.fail
        stream.duration = 2.5


def opened_by(command: ModuleType, model: Fake, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Lets a command open a model, whatever its name; the model remembers with which arguments."""

    def open_model(*arguments: Any) -> Fake:
        model.opened.append(arguments)
        return model

    monkeypatch.setattr(command, "open_model", open_model)
    return model


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTranscriber:
    """What `transcribe` gets for every --model."""
    return opened_by(transcribe, FakeTranscriber(), monkeypatch)


@pytest.fixture
def wav(here: Path) -> Callable[..., None]:
    """Writes recordings of a tenth of a second under the current folder."""
    fields = (16, 1, 1, 16_000, 32_000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", *fields) + b"data" + struct.pack("<I", 3200)
    contents = b"RIFF" + struct.pack("<I", 3236) + body + bytes(3200)

    def write(*names: str) -> None:
        for name in names:
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(contents)

    return write


class FakeSynthesizer:
    """Says a tone for every word; remembers how it was called.

    `fail` is raised after the first chunk.
    """

    def __init__(self) -> None:
        self.sample_rate = 24_000
        self.voices = ("anna", "bert")
        self.languages = ("en", "de")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.opened: list[tuple[Any, ...]] = []
        self.fail: BaseException | None = None
        self.after_chunk: Callable[[], None] = lambda: None

    def synthesize(self, text: str, **options: Any) -> Iterator[AudioChunk]:
        self.calls.append((text, options))
        tone = np.sin(np.arange(2400, dtype=np.float32) / 10) / 2
        for number, word in enumerate(text.split()):
            if number and self.fail:
                raise self.fail
            yield AudioChunk(tone, self.sample_rate, word)
            self.after_chunk()


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    """What `speak` and `voices` get for every --model."""
    return opened_by(speak, FakeSynthesizer(), monkeypatch)
