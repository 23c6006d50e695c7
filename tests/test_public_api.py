"""What users may rely on. A change here belongs into the changelog."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import edge_voice
import edge_voice_export
from edge_voice.models.voxtral_tts.model import VoxtralModel
from edge_voice.models.whisper.model import WhisperModel
from edge_voice.results import Phrase
from edge_voice.synthesizer import SpeakOptions, Synthesizer
from edge_voice.transcriber import SegmentStream, TranscribeOptions, Transcriber

ROOT = Path(__file__).parents[1]
OPTIONS = [
    "sample_rate", "language", "punctuation", "task", "timestamps", "vad", "initial_prompt",
    "condition_on_previous_text", "temperatures", "draft", "beam_size", "length_penalty",
    "hotwords", "hotword_boost", "language_model", "word_list",
]  # fmt: skip


def public(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


def test_the_runtime_offers_three_names() -> None:
    assert edge_voice.__all__ == ["__version__", "listen", "load"]
    assert all(getattr(edge_voice, name) for name in edge_voice.__all__)


def test_the_exporter_offers_one() -> None:
    assert edge_voice_export.__all__ == ["export_bundle"]
    assert callable(edge_voice_export.export_bundle)


def test_other_names_are_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'edge_voice' has no attribute 'nonsense'"):
        _ = edge_voice.nonsense


def test_one_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert newest
    assert newest[1] == edge_voice.__version__ == importlib.metadata.version("edge-voice")


def test_load() -> None:
    parameters = inspect.signature(edge_voice.load).parameters
    assert next(iter(parameters)) == "name_or_folder"
    by_keyword = list(parameters.values())[1:]
    assert {"precision", "threads"} <= {parameter.name for parameter in by_keyword}
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in by_keyword)
    assert all(parameter.default is not parameter.empty for parameter in by_keyword)


def test_listen() -> None:
    parameters = inspect.signature(edge_voice.listen).parameters
    assert list(parameters) == [
        "transcriber", "chunks",
        "partials", "silence_seconds", "max_phrase_seconds", "interval_seconds", "options",
    ]  # fmt: skip
    assert [field.name for field in dataclasses.fields(Phrase)] == [
        "index", "start", "end", "stable", "tail", "is_final",
    ]  # fmt: skip


def test_transcribe_options() -> None:
    assert list(TranscribeOptions.__annotations__) == OPTIONS
    assert not TranscribeOptions.__required_keys__


def test_every_option_is_in_the_documents() -> None:
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == OPTIONS


def test_models_offer_what_the_protocol_asks() -> None:
    assert public(Transcriber) == {"languages", "stream", "transcribe"}
    assert {"stream", "transcribe"} <= public(WhisperModel)
    # and for tests and tools
    assert {"features", "encode", "generate"} <= public(WhisperModel)


def test_speak_options() -> None:
    assert list(SpeakOptions.__annotations__) == [
        "voice", "language", "seed", "speed", "steps", "solver", "guidance", "noise_scale",
        "noise_scale_duration", "lexicon", "max_seconds",
    ]  # fmt: skip
    assert not SpeakOptions.__required_keys__


def test_voices_offer_what_the_protocol_asks() -> None:
    asked = {"sample_rate", "voices", "languages", "synthesize"}
    assert public(Synthesizer) == asked
    assert {"voices", "synthesize", "add_voice", "prepare_voice"} <= public(VoxtralModel)
    # and for tests and tools
    def names(method: Callable[..., object]) -> list[str]:
        return list(inspect.signature(method).parameters)[1:]

    assert names(VoxtralModel.prompt_ids) == ["text", "voice"]
    assert names(VoxtralModel.decode_codes) == ["codes"]
    frames = inspect.signature(VoxtralModel.frames).parameters
    assert list(frames)[1:3] == ["text", "voice"]
    assert {"noise", "max_frames", "normalize"} <= set(frames)


def test_stream() -> None:
    assert {"join"} <= public(SegmentStream)
    assert set(vars(SegmentStream())) >= {
        "language", "language_probability", "position", "duration",
    }  # fmt: skip
