"""Names of outputs, and files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from edge_voice.cli import outputs
from edge_voice.cli.inputs import Source
from edge_voice.errors import AudioError, OptionError, StoreError


def source(path: str, relative: str = "") -> Source:
    return Source(path, PurePath(relative or os.path.basename(path)))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([source("x/talk.wav")], ["out/talk.srt"]),
        (
            [source("x/talk.v2.wav"), source("notes.2024")],
            ["out/talk.v2.srt", "out/notes.2024.srt"],
        ),
        ([source("x/d/talk.wav", "d/talk.wav")], ["out/d/talk.srt"]),
        (
            [source("talk.wav"), source("talk.mp3"), source("b.wav")],
            ["out/talk.wav.srt", "out/talk.mp3.srt", "out/b.srt"],
        ),
        ([source("x/a.wav", "x/a.wav"), source("a.wav")], ["out/x/a.srt", "out/a.srt"]),
        ([source("-", "stdin")], ["out/stdin.srt"]),
    ],
)
def test_names(sources: list[Source], expected: list[str]) -> None:
    planned = outputs.plan(sources, ["srt"], Path("out"))
    assert [str(planned[source]["srt"]) for source in sources] == expected


def test_failures_get_no_names() -> None:
    failed = Source("x", PurePath("x"), AudioError("x"))
    assert outputs.plan([failed], ["txt"], Path("out")) == {}


def test_two_recordings_never_share_an_output() -> None:
    with pytest.raises(OptionError, match=r"x/a.wav and y/a.wav would both .* out/a.wav.txt"):
        outputs.plan([source("x/a.wav"), source("y/a.wav")], ["txt"], Path("out"))


def test_no_output_replaces_an_input(tmp_path: Path) -> None:
    recordings = [source(str(tmp_path / "a.wav")), source(str(tmp_path / "a.txt"))]
    with pytest.raises(OptionError, match="would replace an input"):
        outputs.plan(recordings, ["txt"], tmp_path)


def test_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with outputs.replacing(path) as stream:
        stream.write("é\n")
        stream.flush()
        assert not path.exists()
    assert path.read_bytes() == "é\n".encode()
    assert os.listdir(path.parent) == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_file_that_was_not_finished(
    tmp_path: Path, error: BaseException
) -> None:
    def write() -> None:
        with outputs.replacing(tmp_path / "a.txt") as stream:
            stream.write("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert os.listdir(tmp_path) == []


def test_what_the_system_refuses_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "plain" / "a.txt", tmp_path / "folder"):
        with (
            pytest.raises(StoreError, match=r"^\S+: cannot be written: \w+"),
            outputs.replacing(target) as stream,
        ):
            stream.write("x")
    assert sorted(os.listdir(tmp_path)) == ["folder", "plain"]
