"""hibari's published files in miniature: a graph that hums, and a lexicon of a few words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from onnx_ir.tape import Tape

BINS = 601
FRAMES_PER_PHONEME = 10
PHONEMES = ";:,.!?—…()“” abdefhijklmnopstuvwzɑəɛɜɪɹʃʊʌðŋθɐAIOTWYˈˌᵻᵊ"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
GOLD: dict[str, Any] = {
    "a": "A", "b": "bˈi", "c": "sˈi", "cat": "kˈæt", "hello": "həlˈO", "the": "ði", "to": "tu",
    "used": {"DEFAULT": "jˈuzd", "VBD": "jˈust"}, "world": "wˈɜɹld", "A": "ˈA", "B": "bˈi",
    "C": "sˈi", "read": {"DEFAULT": "ɹˈid", "VBD": "ɹˈɛd"}, "well": "wˈɛl", "known": "nˈOn",
    "wait": "wˈAt", "stop": "stˈɑp", "fix": "fˈɪks", "make": "mˈAk", "happy": "hˈæpi",
    "apple": "ˈæpᵊl", "am": "æm", "don't": "dˈOnt", "NASA": "nˈæsə", "one": "wˈʌn", "two": "tˈu",
}  # fmt: skip
SILVER = {"aaron": "ˈɛɹən", "hello": "wrong"}
GB_GOLD: dict[str, Any] = {
    "hello": "həlˈQ", "world": "wˈɜːld", "the": "ði", "star": "stˈɑː", "see": "sˈiː", "to": "tʊ",
    "wait": "wˈAt", "load": "lˈQd", "fix": "fˈɪks", "draw": "dɹˈɔː", "A": "ˈA", "B": "bˈiː",
    "hot": "hˈɒt",
}  # fmt: skip
GB_SILVER = {"aaron": "ˈɛːɹən"}
TAGGER = {
    "tags": ["DT", "NN", "VB", "VBD"],
    "tagdict": {"the": "DT", "a": "DT", ",": ",", ".": "."},
    "vocab": ["the", "cat"],
    "weights": {"b": {"NN": 1.0}, "s3=sed": {"VBD": 5.0}, "w-1=the": {"NN": 9.0, "VB": -9.0}},
}


def write_published(folder: Path) -> Path:
    """What `edge-voice pull hibari` fetches, small."""
    folder.mkdir(parents=True, exist_ok=True)
    ir.save(acoustic(), folder / "hibari.onnx")
    ids = {phoneme: number for number, phoneme in enumerate(dict.fromkeys(PHONEMES), 1)}
    (folder / "vocab.json").write_text(json.dumps(ids))
    return write_english(folder, "us")


def write_english(folder: Path, *accents: str) -> Path:
    """Those of the files that phonemes of English need."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, dict[str, Any]] = {"tagger": TAGGER}
    for accent in accents:
        network, gold, silver = {
            "us": ("oov", GOLD, SILVER),
            "gb": ("oov_gb", GB_GOLD, GB_SILVER),
        }[accent]
        tables |= {f"lexicon_{accent}_gold": gold, f"lexicon_{accent}_silver": silver}
        ir.save(unknown_words(), folder / f"{network}.onnx")
        # The network repeats its input, so letter i is phoneme i.
        oov = {"in": list(LETTERS), "out": list(LETTERS), "maxlen": 5}
        (folder / f"{network}.json").write_text(json.dumps(oov))
    for name, table in tables.items():
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(table).encode()))
    (folder / "NOTICE").write_text("made for tests\n")
    return folder


def acoustic() -> ir.Model:
    """A hum of 150 Hz, ten frames a phoneme at normal speed; the ends are as loud as the rest."""
    b = Tape()
    ids = ir.val("ids", ir.DataType.INT64, [1, "n"])
    speed = ir.val("speed", ir.DataType.FLOAT, [1])
    length = b.op("Cast", [b.op("Shape", [ids])], {"to": ir.DataType.FLOAT})
    phonemes = b.op("Gather", [length, _constant(b, np.array([1], np.int64))])
    frames = b.op("Div", [b.op("Mul", [phonemes, _floats(b, FRAMES_PER_PHONEME)]), speed])
    count = b.op("Cast", [frames], {"to": ir.DataType.INT64})
    one = _constant(b, np.array([1], np.int64))
    bins = _constant(b, np.array([BINS], np.int64))
    shape = b.op("Concat", [one, bins, count], {"axis": 0})
    outputs = []
    for name, value in (("lh", -3), ("theta", 0), ("ln", -12), ("lr", -12), ("phi", 0)):
        outputs.append(_named(b.op("Expand", [_floats(b, value), shape]), name, ["1", BINS, "f"]))
    flat = b.op("Concat", [one, count], {"axis": 0})
    outputs.append(_named(b.op("Expand", [_floats(b, 150), flat]), "f0", ["1", "f"]))
    return _model([ids, speed], outputs, b)


def unknown_words() -> ir.Model:
    """Every letter is its own phoneme."""
    b = Tape()
    chars = ir.val("chars", ir.DataType.INT64, [1, "n"])
    ids = b.op("Identity", [chars])
    ids.name, ids.shape, ids.type = "ids", ir.Shape([1, "n"]), ir.TensorType(ir.DataType.INT64)
    return _model([chars], [ids], b)


def _constant(b: Tape, array: Any) -> ir.Value:
    return b.op("Constant", [], {"value": ir.tensor(array)})


def _floats(b: Tape, value: float) -> ir.Value:
    return _constant(b, np.array([value], np.float32))


def _named(value: ir.Value, name: str, shape: list[Any]) -> ir.Value:
    value.name, value.shape = name, ir.Shape(shape)
    value.type = ir.TensorType(ir.DataType.FLOAT)
    return value


def _model(inputs: list[ir.Value], outputs: list[ir.Value], b: Tape) -> ir.Model:
    graph = ir.Graph(inputs, outputs, nodes=b.nodes, opset_imports={"": 17}, name="small")
    return ir.Model(graph, ir_version=8)
