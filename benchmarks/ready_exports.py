"""Whisper through our builder, and as others have exported it: size, speed, memory, errors.

    python -m benchmarks.ready_exports --clips DIR [--checkpoint DIR --optimum DIR]

Two packages carry the multilingual tiny and base as transformers.js publishes them, in 8 bits. Each
is run with plain onnxruntime code, and as the bundle that `edge-voice export` makes of it. With the
checkpoint of base (a Hugging Face folder) and what optimum exports of it (`optimum-cli export onnx
--model DIR --task automatic-speech-recognition-with-past OUT`), these are measured beside them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import corpus, machine, packages, wer
from benchmarks.children import call

_SIZES = ("tiny", "base")
_PACKAGE, _FOLDER = "sts-whisper-{size}@1.0.0", "models/Xenova/whisper-{size}"
LANGUAGES = ("en", "de", "es", "fr", "pt")
_CHILD = "benchmarks.ready_exports_child"
Clip = dict[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        weights: Where they come from.
        way: How they are run.
        files: The graphs, with their data.
        target: Function of the child.
        arguments: What it is given.
    """

    size: str
    weights: str
    way: str
    files: tuple[Path, ...]
    target: str
    arguments: dict[str, str]


def clips_of(folders: Sequence[Path]) -> list[Clip]:
    """Clips that a `manifest.json` gives a language and a text for: path, language, text."""
    found = []
    for manifest in (path for folder in folders for path in sorted(folder.rglob("manifest.json"))):
        rows = json.loads(manifest.read_text())
        for row in rows if isinstance(rows, list) else ():
            path = manifest.parent / row.get("file", "")
            if row.get("language") in LANGUAGES and path.is_file():
                clip = {"path": str(path), "language": row["language"], "text": row["text"]}
                found.append(clip)
    return found


def published_folder(size: str, cache: Path) -> Path:
    """A multilingual Whisper as transformers.js publishes it: `tiny` or `base`."""
    tree = packages.npm_tree(_PACKAGE.format(size=size), cache)
    return tree / _FOLDER.format(size=size)


def subjects(options: argparse.Namespace) -> Iterator[Subject]:
    """Exports what has to be exported, and names everything that is to be measured."""
    work: Path = options.cache / "ready-exports"
    work.mkdir(parents=True, exist_ok=True)
    for size in _SIZES:
        folder = published_folder(size, options.cache)
        bundle = _bundle(folder, "int8", work / f"{size}-int8")
        graphs = sorted((folder / "onnx").glob("*_quantized.onnx"), reverse=True)
        yield _published(size, "transformers.js q8", graphs, bundle)
        yield _ours(size, "transformers.js q8", "int8", bundle)
    if options.checkpoint:
        bundles = {p: _bundle(options.checkpoint, p, work / f"own-{p}") for p in ("int8", "fp32")}
        if options.optimum:
            names = ("encoder_model.onnx", "decoder_model_merged.onnx")
            graphs = [options.optimum / name for name in names]
            yield _published("base", "checkpoint, optimum", graphs, bundles["fp32"])
        for precision, bundle in bundles.items():
            yield _ours("base", "checkpoint", precision, bundle)


def _bundle(source: Path, precision: str, target: Path) -> Path:
    from edge_voice_export import export_bundle

    if not target.exists():
        export_bundle(source, target, precision=precision)
    return target


def _ours(size: str, weights: str, precision: str, bundle: Path) -> Subject:
    files = tuple(path for path in bundle.iterdir() if path.suffix in (".onnx", ".data"))
    way = f"edge-voice {precision}"
    return Subject(size, weights, way, files, "bundle", {"folder": str(bundle)})


def _published(size: str, weights: str, graphs: Sequence[Path], bundle: Path) -> Subject:
    encoder, decoder = map(str, graphs)
    arguments = {"encoder": encoder, "decoder": decoder, "bundle": str(bundle)}
    return Subject(size, weights, "plain onnxruntime", tuple(graphs), "published", arguments)


def measured(subject: Subject, clips: list[Clip], threads: int, rounds: int) -> dict[str, Any]:
    """One row: the fastest of several processes, and errors by language."""
    plain = [{"path": clip["path"], "language": clip["language"]} for clip in clips]
    runs = [
        call(f"{_CHILD}:{subject.target}", **subject.arguments, clips=plain, threads=threads)
        for _ in range(rounds)
    ]
    errors: dict[str, wer.WordErrors] = {}
    for clip in clips:
        found = wer.score_in(
            clip["language"], clip["text"], runs[0]["texts"][Path(clip["path"]).name]
        )
        errors[clip["language"]] = errors.get(clip["language"], wer.WordErrors()) + found
    return {
        "model": subject.size,
        "weights": subject.weights,
        "way": subject.way,
        "bytes": sum(path.stat().st_size for path in subject.files),
        "seconds": round(min(run["seconds"] for run in runs), 2),
        "peak_bytes": min(run["peak_bytes"] for run in runs),
        "wer": {language: errors[language].as_dict() for language in LANGUAGES},
    }


def main() -> None:
    """Measures everything, one after another in every round, and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpus.add_options(parser)
    parser.add_argument("--checkpoint", type=Path, help="Hugging Face folder of whisper-base")
    parser.add_argument("--optimum", type=Path, help="what optimum exported of it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    clips = clips_of(options.clips or corpus.default_folders())
    rows = []
    for subject in subjects(options):
        rows.append(measured(subject, clips, options.threads, options.rounds))
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "kind": "ready_exports",
        "machine": machine.facts(("edge-voice", "onnxruntime", "whisper-normalizer")),
        "threads": options.threads,
        "clips": {code: sum(c["language"] == code for c in clips) for code in LANGUAGES},
        "audio_seconds": round(_audio_seconds(clips), 1),
        "rows": rows,
    }
    out = machine.result_path("ready-exports", options.out)
    out.write_text(json.dumps(result, indent=1) + "\n")


def _audio_seconds(clips: list[Clip]) -> float:
    import soundfile

    return float(sum(soundfile.info(clip["path"]).duration for clip in clips))


if __name__ == "__main__":
    main()
