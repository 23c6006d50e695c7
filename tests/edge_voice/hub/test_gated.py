"""Repositories behind a gate, and weights whose sha256 only the hub knows."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge_voice.cli import main
from edge_voice.errors import FetchError
from edge_voice.hub import store
from edge_voice.hub.catalog import Catalog, load_catalog
from edge_voice.hub.fetch import fetch_weights
from edge_voice.hub.progress import silent
from edge_voice.hub.pull import ExportJob, borrow_weights, pull
from edge_voice.manifest import Manifest
from edge_voice_export import export_bundle
from tests.export.checkpoints import write_tiny_whisper

if TYPE_CHECKING:
    from conftest import HubServer, ToyExporter

MakeCatalog = Callable[..., Catalog]
REVISION = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = bytes(range(256)) * 12_288
ESTIMATE = WEIGHTS + bytes(5000)  # what the catalog takes the weights for, in bytes
PATH = f"/maker/toy/resolve/{REVISION}/toy.bin"
GATE = {"": (401, "GatedRepo"), "hf_stranger": (403, "GatedRepo")}
ACCEPT = "accept the terms at https://huggingface.co/maker/toy with"
MAKE_TOKEN = "make a token for reading at https://huggingface.co/settings/tokens"
LOG_IN = "run `hf auth login` with it or set HF_TOKEN"


@pytest.fixture
def gate(hub: HubServer) -> HubServer:
    """A hub that serves the whole repository to those who have accepted its terms."""
    small = {"config.json": b'{"layers": 1}', "tokenizer.json": b'{"model": {}}'}
    hub.add("maker/toy", {"toy.bin": WEIGHTS, **small})
    hub.refuses = dict(GATE)
    return hub


@pytest.fixture
def catalog(make_catalog: MakeCatalog) -> Catalog:
    return make_catalog(repository="maker/toy", digest="hub", weights=ESTIMATE)


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_member")


def fetch(catalog: Catalog, progress: Any = silent) -> Path:
    return fetch_weights(catalog.get("toy"), 0, progress)[1]


@pytest.mark.parametrize(
    ("token", "refusal", "expected"),
    [
        ("", (401, "GatedRepo"), ["gated: ", ACCEPT, MAKE_TOKEN, LOG_IN, "pull again"]),
        ("", (403, "GatedRepo"), ["gated: ", ACCEPT, MAKE_TOKEN, LOG_IN]),
        ("", (401, ""), ["gated, private or gone: ", ACCEPT, MAKE_TOKEN, LOG_IN]),
        ("hf_x", (403, "GatedRepo"), ["the token in HF_TOKEN has no access: ", ACCEPT]),
        ("hf_x", (401, "GatedRepo"), ["the token in HF_TOKEN has no access: ", ACCEPT]),
        ("hf_x", (403, ""), ["the token in HF_TOKEN has no access: ", ACCEPT, "fine-grained"]),
        ("hf_x", (401, ""), ["the hub does not accept the token in HF_TOKEN", LOG_IN]),
    ],
)
def test_every_refusal_says_what_to_do(
    token: str,
    refusal: tuple[int, str],
    expected: list[str],
    gate: HubServer,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    gate.refuses[token] = refusal
    with pytest.raises(FetchError) as caught:
        fetch(catalog)
    message = str(caught.value)
    assert all(words in message for words in expected), message
    assert message.endswith(
        "(with a copy of toy.bin, config.json, tokenizer.json from elsewhere:"
        " edge-voice export toy --source FOLDER -o DIR, then --model DIR)"
    )
    assert "\n" not in message
    assert "…" not in message
    assert token not in message or not token


def test_stored_token_is_named(
    gate: HubServer, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_stranger")
    with pytest.raises(FetchError, match=r"the token of `hf auth login` has no access"):
        fetch(catalog)


@pytest.mark.parametrize("name", ["cohere-transcribe", "cohere-transcribe-arabic"])
def test_command_line_without_a_token(
    name: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "require_space", lambda *_: None)
    hub.refuses = GATE
    origin = load_catalog().get(name).checkpoints[0].origin
    result = CliRunner().invoke(main, ["pull", name])
    assert (result.exit_code, result.stdout) == (6, "")
    licence, line = result.stderr.splitlines()
    assert licence == f"edge-voice: {name}: licence Apache-2.0"
    page = f"https://huggingface.co/{origin.removeprefix('huggingface:')}"
    assert line.startswith(f"edge-voice: error: cannot fetch {name}: {origin}: gated: accept the")
    files = "model.safetensors, config.json, generation_config.json, preprocessor_config.json"
    for words in (
        f"terms at {page} with an account",
        LOG_IN,
        f"(with a copy of {files}, tokenizer.json from elsewhere:",
        f"edge-voice export {name} --source FOLDER -o DIR, then --model DIR)",
    ):
        assert words in line, line


@pytest.mark.usefixtures("member")
def test_member_gets_everything(gate: HubServer, catalog: Catalog) -> None:
    gate.elsewhere = gate.address.replace("127.0.0.1", "localhost")
    reports: list[tuple[int, int | None, str]] = []
    folder = fetch(catalog, lambda *report: reports.append(report))
    assert (folder / "toy.bin").read_bytes() == WEIGHTS
    assert folder.name == REVISION[:16]
    assert reports[-1] == (len(WEIGHTS), len(WEIGHTS), "toy.bin")  # not the estimate
    tokens = {path.startswith("/cdn/"): token for _, path, _, token in gate.requests}
    assert tokens == {False: "Bearer hf_member", True: ""}


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("cuts", [[2_000_000], [2_000_000, 500_000]])
def test_broken_connection_is_taken_up(cuts: list[int], gate: HubServer, catalog: Catalog) -> None:
    gate.cuts[PATH] = list(cuts)
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    starts = itertools.accumulate(cuts)
    assert gate.ranges() == [f"bytes={start}-" for start in starts]


@pytest.mark.usefixtures("member")
def test_interrupted_fetch_is_taken_up_by_the_next_run(gate: HubServer, catalog: Catalog) -> None:
    def interrupt(done: int, *_: object) -> None:
        if done > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(catalog, interrupt)
    gate.requests.clear()
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    (resumed,) = gate.ranges()
    assert int(resumed[6:-1]) > 1_000_000


@pytest.mark.usefixtures("member")
def test_bytes_must_have_the_hash_that_the_hub_names(gate: HubServer, catalog: Catalog) -> None:
    gate.etags[PATH] = "a" * 64
    with pytest.raises(FetchError, match=r"toy: hash is [0-9a-f]{16}…, expected aaaaaaaaaaaaaaaa…"):
        fetch(catalog)
    assert not list(store.weights_folder("toy").rglob("toy.bin"))


@pytest.mark.usefixtures("member")
def test_weights_need_a_sha256(gate: HubServer, catalog: Catalog) -> None:
    gate.etags[PATH] = "a" * 40
    with pytest.raises(FetchError, match=r"the hub names no sha256 for toy\.bin, but 'aaaa"):
        fetch(catalog)
    assert ("GET", PATH) not in {request[:2] for request in gate.requests}


@pytest.mark.usefixtures("member")
def test_complete_weights_need_no_network(gate: HubServer, catalog: Catalog) -> None:
    folder = fetch(catalog)
    gate.requests.clear()
    assert fetch(catalog) == folder
    assert gate.requests == []


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("toy.bin", b"?" * len(WEIGHTS)),
        ("toy.bin.sha256", b"f" * 64),
        ("toy.bin.sha256", b"\xff"),
        ("toy.bin.sha256", None),
    ],
)
def test_weights_that_cannot_be_trusted_are_fetched_again(
    file: str, content: bytes | None, gate: HubServer, catalog: Catalog
) -> None:
    path = fetch(catalog) / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    gate.requests.clear()
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    assert ("GET", PATH) in {request[:2] for request in gate.requests}
    gate.requests.clear()
    fetch(catalog)
    assert gate.requests == []


@pytest.mark.usefixtures("member", "gate")
def test_precision_of_the_row_is_pulled(make_catalog: MakeCatalog, exporter: ToyExporter) -> None:
    catalog = make_catalog(repository="maker/toy", digest="hub", row='precision = "balanced"\n')
    folder = pull("toy", catalog=catalog, exporter=exporter)
    assert folder == store.bundle_folder("toy", "balanced")
    assert exporter.jobs[0].precision == "balanced"
    assert pull("toy", "int4", catalog=catalog, exporter=exporter).name == "int4"


@pytest.mark.usefixtures("member")
def test_manifest_records_what_came(gate: HubServer, tmp_path: Path) -> None:
    source = write_tiny_whisper(tmp_path / "checkpoint")
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    gate.add("maker/tiny", files)
    rows = "".join(f', {{ name = "{name}" }}' for name in files if name != "model.safetensors")
    path = tmp_path / "tiny.toml"
    path.write_text(
        '[[models]]\nname = "tiny"\nmodel_type = "whisper"\ntask = "transcribe"\n'
        'languages = ["en"]\nlicence = "MIT"\nparameters = 1000\n[[models.checkpoints]]\n'
        f'origin = "huggingface:maker/tiny"\nrevision = "{REVISION}"\n'
        f'files = [{{ name = "model.safetensors", bytes = 9, sha256 = "hub" }}{rows}]\n'
    )

    def export(job: ExportJob, _progress: Any, /) -> None:
        facts = {"origin": job.origin, "revision": job.revision}
        export_bundle(job.source, job.output, precision=job.precision, name=job.name, **facts)

    recorded = Manifest.load(pull("tiny", catalog=load_catalog(path), exporter=export)).source
    weights = f"/maker/tiny/resolve/{REVISION}/model.safetensors"
    assert (recorded.file, recorded.revision) == ("model.safetensors", REVISION)
    assert recorded.sha256 == hashlib.sha256(gate.files[weights]).hexdigest()


def test_export_of_a_gated_model_says_what_to_do(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "require_space", lambda *_: None)
    hub.refuses = GATE
    with (
        pytest.raises(FetchError, match="gated: accept the terms"),
        borrow_weights("cohere-transcribe", "int8", tmp_path / "out"),
    ):
        pass
