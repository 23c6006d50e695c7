"""`edge-voice transcribe` with a model that needs no weights."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from edge_voice.cli import transcribe
from edge_voice.errors import AudioError, ModelError, OptionError
from edge_voice.results import Segment, Word

Call = Callable[..., Result]
Wav = Callable[..., None]
Fake = Any  # conftest.FakeTranscriber
TEXT = "Hello & goodbye.\nÇa va?\n"

pytestmark = pytest.mark.usefixtures("here")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_text_on_stdout_and_nothing_else(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    result = call("transcribe", "a.wav")
    assert (result.exit_code, result.stdout, result.stderr) == (0, TEXT, "")
    assert fake.opened == [("whisper-tiny.en", None, None)]
    assert fake.calls == [("a.wav", {"language": None, "task": "transcribe", "vad": True})]


def test_options_reach_the_model(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    options = "--model m --precision int4 --threads 3 --language de --task translate --no-vad"
    assert call("transcribe", "a.wav", *options.split(), "--prompt", "Ørsted").exit_code == 0
    expected = {"language": "de", "task": "translate", "vad": False, "initial_prompt": "Ørsted"}
    assert (fake.opened, fake.calls) == ([("m", "int4", 3)], [("a.wav", expected)])


def test_word_timestamps(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    words = (Word(0.0, 0.4, "Hello"), Word(0.4, 1.0, "& goodbye."))
    fake.segments = [dataclasses.replace(fake.segments[0], words=words)]
    result = call("transcribe", "a.wav", "--word-timestamps", "--format", "json,srt,vtt", "-o", ".")
    assert (result.exit_code, result.stderr) == (0, "")
    assert fake.calls[0][1]["timestamps"] == "word"
    [segment] = json.loads(Path("a.json").read_text())["segments"]
    assert segment["words"] == [dataclasses.asdict(word) for word in words]
    assert "1\n00:00:00,000 --> 00:00:00,400\nHello\n\n2\n" in Path("a.srt").read_text()
    assert "Hello <00:00:00.400>&amp; goodbye." in Path("a.vtt").read_text()


def test_decoding_options_reach_the_model(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    Path("names.txt").write_text("# people\nÅse\t3\n\nNew York\n", encoding="utf-8")
    options = "--beam-size 5 --hotwords names.txt --hotword-boost 2.5"
    files = {"language_model": "some.arpa", "word_list": "words.txt"}
    assert call("transcribe", "a.wav", *options.split()).exit_code == 0
    call("transcribe", "a.wav", "--hotwords", "names.txt")
    call("transcribe", "a.wav", "--language-model", "some.arpa", "--word-list", "words.txt")
    phrases = {"hotwords": ("Åse\t3", "New York")}
    bare = {"language": None, "task": "transcribe", "vad": True}
    assert [given for _, given in fake.calls] == [
        {**bare, **phrases, "beam_size": 5, "hotword_boost": 2.5}, {**bare, **phrases},
        {**bare, **files},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--beam-size", "9"], "1<=x<=8"),
        (["--hotword-boost", "2"], "--hotword-boost needs --hotwords FILE"),
        (["--hotwords", "none.txt"], "none.txt: cannot be read: No such file or directory"),
        (["--hotwords", "a.wav"], "a.wav:1: is not UTF-8 text"),
        (["--hotwords", "names.txt"], "names.txt:2: boost 'much' is not a number"),
        (["--hotwords", "good.txt", "--hotword-boost", "21"], "--hotword-boost 21.0 (allowed: 0"),
        (["--hotwords", "good.txt", "--hotword-boost", "nan"], "--hotword-boost nan (allowed: 0"),
    ],
)
def test_hotwords_that_are_refused_before_any_work(
    call: Call, fake: Fake, wav: Wav, arguments: list[str], says: str
) -> None:
    wav("a.wav")
    Path("names.txt").write_text("Åse\nNew York\tmuch\n", encoding="utf-8")
    Path("good.txt").write_text("Åse\n", encoding="utf-8")
    with Path("a.wav").open("ab") as stream:
        stream.write(b"\xff")
    result = call("transcribe", "a.wav", *arguments)
    assert (result.exit_code, result.stdout, fake.opened) == (2, "", [])
    assert says in result.stderr


def test_text_is_printed_as_it_is_decided(
    call: Call, fake: Fake, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav("a.wav")
    printed = []
    fake.after_segment = lambda: printed.append(sys.stdout.buffer.getvalue())  # type: ignore
    call("transcribe", "a.wav")
    assert printed == [TEXT.splitlines(keepends=True)[0].encode(), TEXT.encode()]


@pytest.mark.parametrize("name", ["json", "srt", "vtt", "tsv"])
def test_one_other_format_on_stdout(call: Call, fake: Fake, wav: Wav, name: str) -> None:
    wav("a.wav")
    result = call("transcribe", "a.wav", "--format", name)
    assert (result.exit_code, result.stderr) == (0, "")
    call("transcribe", "a.wav", "--format", name, "-o", ".")
    assert Path(f"a.{name}").read_text(encoding="utf-8") == result.stdout
    assert ("va" in result.stdout, "goodbye" in result.stdout) == (True, True)


@pytest.mark.parametrize(
    "formats", [["--format", "txt,srt,json"], ["--format", "txt", "--format", " SRT ,json,txt"]]
)
def test_several_formats_into_a_folder(
    call: Call, fake: Fake, wav: Wav, formats: list[str]
) -> None:
    wav("talks/a.wav")
    result = call("transcribe", "talks/a.wav", *formats, "-o", "out/deep")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert names(Path("out")) == ["deep/a.json", "deep/a.srt", "deep/a.txt"]
    assert Path("out/deep/a.txt").read_text() == TEXT
    assert json.loads(Path("out/deep/a.json").read_text())["duration"] == 2.5
    assert len(fake.calls) == 1


def test_existing_outputs_are_replaced(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    Path("a.txt").write_text("old and much longer than what comes now " * 9)
    call("transcribe", "a.wav", "-o", ".")
    assert Path("a.txt").read_text() == TEXT


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.wav", "--format", "doc"], "unknown format 'doc' (known: txt, json, srt, vtt, tsv)"),
        (["a.wav", "--format", "txt,"], "unknown format ''"),
        (["a.wav", "--format", "txt,srt"], "2 formats (txt, srt) need a folder: -o DIR"),
        (["a.wav", "b.wav", "--format", "srt"], "2 files as srt need a folder: -o DIR"),
        (["a.wav", "x/a.wav", "-o", "out"], "would both be written to out/a.wav.txt"),
        (["a.wav", "--threads", "0"], "x>=1"),
        (["a.wav", "--precision", "int1"], "'int1' is not one of"),
        (["a.wav", "-o", "b.wav"], "is a file"),
    ],
)
def test_options_that_are_refused_before_any_work(
    call: Call, fake: Fake, wav: Wav, arguments: list[str], says: str
) -> None:
    wav("a.wav", "b.wav", "x/a.wav")
    result = call("transcribe", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert (fake.opened, names(Path())) == ([], ["a.wav", "b.wav", "x/a.wav"])


def test_no_punctuation(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    call("transcribe", "a.wav", "--no-punctuation")
    call("transcribe", "a.wav")
    asked, not_asked = (options for _, options in fake.calls)
    assert asked["punctuation"] is False
    assert "punctuation" not in not_asked


def test_standard_input(call: Call, fake: Fake) -> None:
    assert call("transcribe", "-", stdin=b"sound").stdout == TEXT
    assert call("transcribe", "-", "-", "-o", "out", stdin=b"sound").exit_code == 0
    assert [contents for contents, _ in fake.calls] == [b"sound", b"sound"]
    assert names(Path("out")) == ["stdin.txt"]


def test_one_bad_file_does_not_stop_the_others(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav", "c.wav")
    Path("b.wav").write_text("hello, world")
    result = call("transcribe", "a.wav", "missing.wav", "b.wav", "c.wav", "-o", "out")
    assert result.exit_code == AudioError.exit_code
    assert result.stderr.splitlines() == [
        "edge-voice: error: missing.wav: no such file",
        "edge-voice: error: b.wav: not audio: it is text that begins with 'hello, world' "
        "(allowed: wav, flac, ogg (vorbis or opus), mp3, aiff)",
    ]
    assert names(Path("out")) == ["a.txt", "c.txt"]


def test_no_model_is_fetched_for_what_is_no_audio(call: Call, fake: Fake) -> None:
    Path("b.wav").write_text("hello")
    assert call("transcribe", "b.wav", "missing.wav").exit_code == 4
    assert fake.opened == []


def test_damaged_halfway(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav", "b.wav")
    fake.fail, fake.fail_on = AudioError("a.wav: damaged after 1.0 s"), "a.wav"
    result = call("transcribe", "a.wav", "b.wav", "-o", "out")
    assert (result.exit_code, names(Path("out"))) == (4, ["b.txt"])
    assert result.stderr == "edge-voice: error: a.wav: damaged after 1.0 s\n"


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (ModelError("broken"), 3, "error: broken"),
        (OptionError("unknown language 'xx'"), 2, "error: unknown language 'xx'"),
    ],
)
def test_what_ends_it_leaves_no_partial_files(
    call: Call, fake: Fake, wav: Wav, error: BaseException, exit_code: int, line: str
) -> None:
    wav("a.wav", "b.wav", "c.wav")
    fake.fail, fake.fail_on = error, "b.wav"
    result = call("transcribe", "a.wav", "b.wav", "c.wav", "-o", "out", "--format", "txt,vtt")
    assert (result.exit_code, result.stderr) == (exit_code, f"edge-voice: {line}\n")
    assert names(Path("out")) == ["a.txt", "a.vtt"]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(OSError(errno.ENOSPC, "No space left on device"), 5), (KeyboardInterrupt(), 130)],
)
def test_what_happens_while_writing_leaves_the_old_file(
    call: Call,
    fake: Fake,
    wav: Wav,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    exit_code: int,
) -> None:
    def half(*arguments: Any) -> None:
        arguments[2].write("half of it")
        arguments[2].flush()
        raise error

    wav("a.wav")
    Path("a.txt").write_text("old")
    monkeypatch.setattr("edge_voice.subtitles.write", half)
    result = call("transcribe", "a.wav", "-o", ".")
    assert result.exit_code == exit_code
    assert len(result.stderr.splitlines()) == 1
    assert (names(Path()), Path("a.txt").read_text()) == (["a.txt", "a.wav"], "old")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    Path("out").mkdir(mode=0o500)
    result = call("transcribe", "a.wav", "-o", "out")
    assert result.exit_code == 5
    assert result.stderr == "edge-voice: error: out/a.txt: cannot be written: Permission denied\n"


def test_silence_is_empty_text_and_a_note(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    fake.segments = []
    result = call("transcribe", "a.wav")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "edge-voice: a.wav: no speech found\n"
    call("transcribe", "a.wav", "-o", "out", "--format", "txt,vtt")
    assert (Path("out/a.txt").read_text(), Path("out/a.vtt").read_text()) == ("", "WEBVTT\n\n")


@pytest.mark.parametrize(
    ("languages", "options", "note"),
    [
        (("en", "de"), [], "edge-voice: a.wav: detected language: de (97%)\n"),
        (("en", "de"), ["--language", "auto"], "edge-voice: a.wav: detected language: de (97%)\n"),
        (("en", "de"), ["--language", "de"], ""),
        (("en",), [], ""),
    ],
)
def test_detected_language_is_told(
    call: Call,
    fake: Fake,
    wav: Wav,
    languages: tuple[str, ...],
    options: list[str],
    note: str,
) -> None:
    wav("a.wav")
    fake.languages, fake.detected = languages, "de"
    assert call("transcribe", "a.wav", *options).stderr == note


def test_several_files_on_stdout_are_announced(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav", "b.wav")
    result = call("transcribe", ".")
    assert result.stdout == TEXT * 2
    assert result.stderr == "edge-voice: ./a.wav\nedge-voice: ./b.wav\n"


def test_warnings_of_the_library_are_shown(call: Call, fake: Fake, wav: Wav) -> None:
    wav("a.wav")
    logger = logging.getLogger("edge_voice.audio")
    fake.segments = [Segment(0, 1, "x")]
    fake.after_segment = lambda: logger.warning("%s: cut\nshort", "a.wav")
    result = call("transcribe", "a.wav")
    assert (result.stdout, result.stderr) == ("x\n", "edge-voice: warning: a.wav: cut short\n")


def test_model_is_loaded_with_its_options_and_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[tuple[str, dict[str, Any]]] = []
    loader = types.SimpleNamespace(load=lambda name, **options: loaded.append((name, options)))
    monkeypatch.setitem(sys.modules, "edge_voice.loader", loader)  # type: ignore[arg-type]
    monkeypatch.setattr("edge_voice.loader", loader, raising=False)
    transcribe.open_model("whisper-base", None, 2)
    [(name, options)] = loaded
    assert callable(options.pop("progress"))
    expected = {"task": "transcribe", "precision": None, "threads": 2}
    assert (name, options) == ("whisper-base", expected)
