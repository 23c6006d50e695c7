from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from edge_voice.errors import ChecksumMismatch, FetchError, StoreError
from edge_voice.hub import download as module
from edge_voice.hub.download import Download

DATA = b"some weights"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "store" / "w.bin"


@pytest.mark.parametrize(
    "digest", [DIGEST, hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()]
)
def test_checked_bytes_get_their_name(target: Path, digest: str) -> None:
    reports: list[tuple[int, int | None, str]] = []
    with Download(target, len(DATA), digest, lambda *report: reports.append(report)) as download:
        download.write(DATA[:5])
        assert not target.exists()
        download.write(DATA[5:])
        download.finish()
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["w.bin"]
    assert reports == [(5, 12, "w.bin"), (12, 12, "w.bin")]


def test_part_is_taken_up_again(target: Path) -> None:
    with Download(target, len(DATA), DIGEST) as first:
        first.write(DATA[:5])
    with Download(target, len(DATA), DIGEST) as second:
        assert (second.done_bytes, second.resumed) == (5, True)
        second.write(DATA[5:])
        second.finish()
    assert target.read_bytes() == DATA


def test_part_of_other_contents_is_left_alone(target: Path) -> None:
    with Download(target, len(DATA), "f" * 64) as other:
        other.write(DATA[:5])
    with Download(target, len(DATA), DIGEST) as download:
        assert not download.resumed


def test_wrong_bytes_are_dropped(target: Path) -> None:
    with Download(target, len(DATA), DIGEST) as download:
        download.write(DATA[::-1])
        with pytest.raises(ChecksumMismatch, match="expected " + DIGEST[:16]):
            download.finish()
        assert download.done_bytes == 0
    assert not target.exists()


def test_missing_bytes_keep_the_part(target: Path) -> None:
    with Download(target, len(DATA), DIGEST) as download:
        download.write(DATA[:5])
        with pytest.raises(FetchError, match="5 of 12 bytes"):
            download.finish()
    assert not target.exists()
    assert download.path.read_bytes() == DATA[:5]


def test_nothing_received_leaves_nothing(target: Path) -> None:
    with Download(target, len(DATA), DIGEST):
        pass
    assert list(target.parent.iterdir()) == []


def test_too_many_bytes_are_refused(target: Path) -> None:
    with (
        Download(target, len(DATA), DIGEST) as download,
        pytest.raises(FetchError, match="more than the expected 12"),
    ):
        download.write(DATA + b"!")


def test_full_disk_is_one_line_and_leaves_nothing(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write_all", no_space)
    with (
        pytest.raises(StoreError, match=r"w\.bin: .*No space left on device"),
        Download(target, len(DATA), DIGEST) as download,
    ):
        download.write(DATA)
    assert list(target.parent.iterdir()) == []
