"""A folder has one holder, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_voice.folder_lock import locked


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    with locked(folder):
        folder = folder.rename(tmp_path / "b")
        with pytest.raises(BlockingIOError), locked(folder, wait=False):
            pass
    with locked(folder, wait=False):
        pass
    assert list(folder.iterdir()) == []


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), locked(tmp_path / "file"):
        pass
