"""Files, folders, patterns and `-`, in the order that a command line gave them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_voice.cli.inputs import expand

Wav = Callable[..., None]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["b.wav", "a.wav"], ["b.wav", "a.wav"]),
        (["b.wav", "b.wav", "./b.wav"], ["b.wav"]),
        (["-", "a.wav", "-"], ["-", "a.wav"]),
        (["talks"], ["talks/1.wav", "talks/day/2.MP3", "talks/day/3.opus"]),
        (["talks/day/2.MP3", "talks/"], ["talks/day/2.MP3", "talks/1.wav", "talks/day/3.opus"]),
        (["*.wav"], ["a.wav", "b.wav", "x[1].wav"]),
        (["[ab].wav"], ["a.wav", "b.wav"]),
        (["x[1].wav"], ["x[1].wav"]),
        (["talks/**/*.opus"], ["talks/day/3.opus"]),
        (["tal*"], ["talks/1.wav", "talks/day/2.MP3", "talks/day/3.opus"]),
        (["notes.txt"], ["notes.txt"]),
    ],
)
def test_order(here: Path, wav: Wav, arguments: list[str], expected: list[str]) -> None:
    wav("a.wav", "b.wav", "x[1].wav", "notes.txt", "talks/1.wav", "talks/day/3.opus")
    wav("talks/day/2.MP3", "talks/notes.txt", "talks/._1.wav", "talks/.hidden/4.wav")
    sources = expand(arguments)
    assert [source.path for source in sources] == expected
    assert all(source.failure is None for source in sources)


def test_outputs_mirror_the_folders_below_the_one_given(here: Path, wav: Wav) -> None:
    wav("talks/1.wav", "talks/day/2.wav", "more/3.wav")
    found = [str(source.relative) for source in expand(["talks", "more/3.wav", "-"])]
    assert found == ["1.wav", "day/2.wav", "3.wav", "stdin"]


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("missing.wav", "missing.wav: no such file"),
        ("z*.wav", r"z\*.wav: no such file, and nothing matches it as a pattern"),
        ("empty", r"empty: no audio file in this folder .looked for .*\.flac"),
        ("", "no such file"),
    ],
)
def test_nothing_there(here: Path, wav: Wav, argument: str, says: str) -> None:
    wav("a.wav")
    Path("empty").mkdir()
    good, bad = expand(["a.wav", argument])
    assert good.failure is None
    with pytest.raises(ValueError, match=f"^{says}|: {says}"):
        raise bad.failure or AssertionError


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_cannot_be_read(here: Path, wav: Wav) -> None:
    wav("talks/1.wav", "talks/secret/2.wav")
    Path("talks/secret").chmod(0)
    good, bad = expand(["talks"])
    Path("talks/secret").chmod(0o700)
    assert good.path == "talks/1.wav"
    assert str(bad.failure) == "talks/secret: cannot be read: Permission denied"
