"""Word error rate after Whisper's English text normaliser.

The distance is computed here; the normaliser is the PyPI package `whisper-normalizer` (MIT),
OpenAI's own rules as a small package, so that numbers compare with those of other engines.

As a command it compares the precisions of one model on the benchmark corpus and on folders of
English clips (`manifest.json` with file, language and text, or a `.txt` beside each `.wav`):

    python -m benchmarks.wer --bundle fp32=DIR --bundle int8=DIR --clips tests/data/speech
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import corpus, machine


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors of one or many texts; `+` adds them up."""

    words: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def errors(self) -> int:
        """All kinds together."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Errors per word of the reference."""
        return self.errors / self.words if self.words else float(self.errors)

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the rate in percent with two digits."""
        return {
            "words": self.words,
            "substitutions": self.substitutions,
            "insertions": self.insertions,
            "deletions": self.deletions,
            "percent": round(100 * self.rate, 2),
        }


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> WordErrors:
    """Counts the fewest edits that turn the reference's words into the hypothesis.

    Among equally short edits the one with the most substitutions is counted.
    """
    # A cell holds (edits, -substitutions, insertions, deletions): tuples compare as wanted.
    row = [(n, 0, n, 0) for n in range(len(hypothesis) + 1)]
    for count, word in enumerate(reference, start=1):
        previous, row = row, [(count, 0, 0, count)]
        for column, heard in enumerate(hypothesis):
            diagonal, above, left = previous[column], previous[column + 1], row[column]
            if word == heard:
                row.append(diagonal)
                continue
            row.append(
                min(
                    (diagonal[0] + 1, diagonal[1] - 1, diagonal[2], diagonal[3]),
                    (left[0] + 1, left[1], left[2] + 1, left[3]),
                    (above[0] + 1, above[1], above[2], above[3] + 1),
                )
            )
    _, negative_substitutions, insertions, deletions = row[-1]
    return WordErrors(len(reference), -negative_substitutions, insertions, deletions)


def score(reference: str, hypothesis: str) -> WordErrors:
    """Errors between two English texts after normalising both."""
    normalise = _normaliser()
    return align(normalise(reference).split(), normalise(hypothesis).split())


def score_in(language: str, reference: str, hypothesis: str) -> WordErrors:
    """Errors between two texts of a language, by the normaliser that Whisper uses for it.

    English has one of its own; in other languages it takes away capitals and marks only.
    """
    if language == "en":
        return score(reference, hypothesis)
    normalise = _basic_normaliser()
    return align(normalise(reference).split(), normalise(hypothesis).split())


def score_by_part(clips: Iterable[corpus.Clip], texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Errors per part of the corpus, over the clips that have a text (by clip name)."""
    parts: dict[str, WordErrors] = {}
    for clip in clips:
        if clip.name in texts:
            errors = score(clip.text, texts[clip.name])
            parts[clip.part] = parts.get(clip.part, WordErrors()) + errors
    return {part: errors.as_dict() for part, errors in parts.items()}


@cache
def _normaliser() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


@cache
def _basic_normaliser() -> Any:
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer()


def english_clips(folders: Iterable[Path]) -> list[corpus.Clip]:
    """Every English clip with a text below the folders, each file once."""
    found: dict[str, corpus.Clip] = {}
    for folder in folders:
        for clip in [*_listed_clips(folder), *_clips_with_text_files(folder)]:
            found.setdefault(clip.name, clip)
    return list(found.values())


def _listed_clips(folder: Path) -> Iterable[corpus.Clip]:
    for manifest in sorted(folder.rglob("manifest.json")):
        rows = json.loads(manifest.read_text())
        for row in rows if isinstance(rows, list) else ():
            path = manifest.parent / row.get("file", "")
            if row.get("language") == "en" and path.is_file():
                yield corpus.Clip(path.stem, "other English clips", path, row["text"], 0.0)


def _clips_with_text_files(folder: Path) -> Iterable[corpus.Clip]:
    for text_file in sorted(folder.rglob("*.txt")):
        path = text_file.with_suffix(".wav")
        if path.is_file():
            yield corpus.Clip(path.stem, "other English clips", path, text_file.read_text(), 0.0)


def compare_bundles(
    bundles: dict[str, Path], clips: Sequence[corpus.Clip], *, threads: int
) -> list[dict[str, Any]]:
    """One row per precision: errors per part and in total."""
    import edge_voice

    rows = []
    for precision, folder in bundles.items():
        model = edge_voice.load(folder, threads=threads)
        texts = {clip.name: model.transcribe(clip.path, language="en").text for clip in clips}
        rows.append({"precision": precision, "wer": score_by_part(clips, texts)})
    return rows


def parse_bundles(options: Sequence[str]) -> dict[str, Path]:
    """`precision=FOLDER` options as a table."""
    return {name: Path(folder) for name, _, folder in (text.partition("=") for text in options)}


def main() -> None:
    """Compares precisions; writes the JSON and prints it as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpus.add_options(parser)
    parser.add_argument("--bundle", action="append", required=True, metavar="PRECISION=DIR")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="whisper-tiny.en", help="name for the results")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    clips = list(corpus.from_options(options).clips)
    known = {clip.name for clip in clips}
    folders = options.clips or corpus.default_folders()
    listed = english_clips(folders)
    rows = compare_bundles(
        parse_bundles(options.bundle),
        [*clips, *(clip for clip in listed if clip.name not in known)],
        threads=options.threads,
    )
    result = {
        "kind": "wer",
        "model": options.model,
        "machine": machine.facts(("edge-voice", "onnxruntime", "whisper-normalizer")),
        "rows": rows,
    }
    out = machine.result_path(f"{options.model}-wer", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        print(row["precision"], {part: wer["percent"] for part, wer in row["wer"].items()})


if __name__ == "__main__":
    main()
