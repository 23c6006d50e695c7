"""Checking a bundle's files at each start without reading them each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_voice.errors import ChecksumMismatch
from edge_voice.hub import verify
from edge_voice.manifest import Manifest
from tests.edge_voice.bundles import manifest_of

CONTENTS = {"encoder.onnx": b"graph" * 100, "encoder.data": b"weights" * 1000}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def manifest(bundle: Path) -> Manifest:
    return manifest_of(bundle)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    real = verify.sha256_file

    def counting(path: Path) -> str:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(verify, "sha256_file", counting)
    return names


def test_files_are_read_once(bundle: Path, manifest: Manifest, hashed: list[str]) -> None:
    verify.check_files(bundle, manifest)
    assert sorted(hashed) == sorted(CONTENTS)
    verify.check_files(bundle, manifest)
    assert len(hashed) == len(CONTENTS)


@pytest.mark.parametrize("name", list(CONTENTS))
@pytest.mark.parametrize("seen_before", [False, True])
def test_one_flipped_bit_is_found(
    bundle: Path, manifest: Manifest, name: str, seen_before: bool
) -> None:
    if seen_before:
        verify.check_files(bundle, manifest)
    content = bytearray(CONTENTS[name])
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(ChecksumMismatch, match=f"{name}: its content is not what"):
        verify.check_files(bundle, manifest)


def test_a_copy_of_a_good_bundle_is_read_itself(
    bundle: Path, manifest: Manifest, hashed: list[str]
) -> None:
    verify.check_files(bundle, manifest)
    copy = bundle.rename(bundle.with_name("copy"))
    verify.check_files(copy, manifest)
    assert len(hashed) == 2 * len(CONTENTS)


@pytest.mark.parametrize("record", ["", "[]", '{"encoder.onnx": 1}', "\x00"])
def test_a_damaged_record_means_reading_again(
    bundle: Path, manifest: Manifest, hashed: list[str], record: str
) -> None:
    verify.check_files(bundle, manifest)
    [path] = (bundle.parent / "store" / "verified").iterdir()
    path.write_text(record)
    verify.check_files(bundle, manifest)
    assert len(hashed) == 2 * len(CONTENTS)


def test_a_store_that_cannot_be_written_is_no_obstacle(
    bundle: Path, manifest: Manifest, hashed: list[str]
) -> None:
    (bundle.parent / "store").write_text("a file where the folder should be")
    for _ in range(2):
        verify.check_files(bundle, manifest)
    assert len(hashed) == 2 * len(CONTENTS)
