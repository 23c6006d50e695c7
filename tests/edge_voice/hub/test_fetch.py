from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from edge_voice.errors import FetchError
from edge_voice.hub.catalog import Catalog, load_catalog
from edge_voice.hub.fetch import fetch_weights
from edge_voice.hub.progress import silent
from edge_voice.hub.sources import HubFile

if TYPE_CHECKING:
    from conftest import HubServer

MakeCatalog = Callable[..., Catalog]
REFUSING = "http://127.0.0.1:1/toy.bin"  # nobody listens on port 1
WEIGHTS = bytes(range(256)) * 12_288
REPOSITORY = "maker/toy"
MODEL_ROW = """[[models]]
name = "toy"
model_type = "whisper"
task = "transcribe"
languages = ["en"]
licence = "MIT"
parameters = 1000
[[models.checkpoints]]
origin = "maker:toy"
"""
WEIGHTS_PATH = f"/{REPOSITORY}/resolve/0123456789abcdef0123456789abcdef01234567/toy.bin"


def fetch(catalog: Catalog) -> Path:
    return fetch_weights(catalog.get("toy"), 0, silent)[1]


@pytest.fixture
def full(hub: HubServer) -> HubServer:
    """A hub that has the whole repository."""
    small = {"config.json": b'{"layers": 1}', "tokenizer.json": b'{"model": {}}'}
    hub.add(REPOSITORY, {"toy.bin": WEIGHTS, **small})
    return hub


def test_hub_files_arrive_as_plain_files(full: HubServer, make_catalog: MakeCatalog) -> None:
    folder = fetch(make_catalog(repository=REPOSITORY))
    names = ["config.json", "tokenizer.json", "toy.bin"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert (folder / "toy.bin").read_bytes() == WEIGHTS


def test_small_files_are_checked_against_the_hubs_hash(
    full: HubServer, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_voice.hub import fetch as module

    def forged(file: object) -> object:
        import dataclasses

        return dataclasses.replace(look_up(file), digest="0" * 40)  # type: ignore[arg-type]

    look_up = module.look_up
    monkeypatch.setattr(module, "look_up", forged)
    with pytest.raises(FetchError, match=r"huggingface:maker/toy: hash is .*expected 0000"):
        fetch(make_catalog(repository=REPOSITORY))


def test_hash_of_the_hub_is_compared_before_the_download(
    hub: HubServer, make_catalog: MakeCatalog
) -> None:
    hub.add(REPOSITORY, {"toy.bin": WEIGHTS[::-1], "config.json": b"{}", "tokenizer.json": b"{}"})
    with pytest.raises(FetchError, match="the hub's hash is"):
        fetch(make_catalog(repository=REPOSITORY))
    assert ("GET", WEIGHTS_PATH) not in {request[:2] for request in hub.requests}


def test_what_is_complete_needs_no_network(full: HubServer, make_catalog: MakeCatalog) -> None:
    catalog = make_catalog(repository=REPOSITORY)
    folder = fetch(catalog)
    full.requests.clear()
    assert fetch(catalog) == folder
    assert full.requests == []


def test_damaged_weights_are_fetched_again(full: HubServer, make_catalog: MakeCatalog) -> None:
    catalog = make_catalog(repository=REPOSITORY)
    folder = fetch(catalog)
    (folder / "toy.bin").write_bytes(b"?" * len(WEIGHTS))
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS


def test_broken_connection_is_taken_up_where_it_broke(
    full: HubServer, make_catalog: MakeCatalog
) -> None:
    full.cuts[WEIGHTS_PATH] = [2_000_000, 500_000]
    folder = fetch(make_catalog(repository=REPOSITORY))
    assert full.ranges() == ["bytes=2000000-", "bytes=2500000-"]
    assert (folder / "toy.bin").read_bytes() == WEIGHTS


def test_a_later_run_takes_up_the_part(full: HubServer, make_catalog: MakeCatalog) -> None:
    catalog = make_catalog([f"{full.address}{WEIGHTS_PATH}"])
    full.cuts[WEIGHTS_PATH] = [2_000_000, 0, 0]
    with pytest.raises(FetchError, match=r"2000000 of 3145728 bytes"):
        fetch(catalog)
    full.requests.clear()
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    assert full.ranges() == ["bytes=2000000-"]


def test_interrupted_fetch_is_taken_up(full: HubServer, make_catalog: MakeCatalog) -> None:
    catalog = make_catalog([f"{full.address}{WEIGHTS_PATH}"])
    calls = itertools.count()

    def interrupt(*_: object) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_weights(catalog.get("toy"), 0, interrupt)
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    (resumed,) = full.ranges()
    assert int(resumed[6:-1]) > 1_000_000


def test_damaged_part_is_dropped_and_fetched_once_more(
    full: HubServer, make_catalog: MakeCatalog
) -> None:
    catalog = make_catalog([f"{full.address}{WEIGHTS_PATH}"])
    full.cuts[WEIGHTS_PATH] = [2_000_000, 0, 0]
    with pytest.raises(FetchError):
        fetch(catalog)
    (part,) = full_store_parts(catalog)
    part.write_bytes(b"?" * part.stat().st_size)
    full.requests.clear()
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS
    assert [range_ for _, _, range_, _ in full.requests] == ["bytes=2000000-", ""]


def full_store_parts(catalog: Catalog) -> list[Path]:
    from edge_voice.hub import store

    return list(store.weights_folder("toy").rglob("*.part"))


def test_server_that_ignores_ranges(full: HubServer, make_catalog: MakeCatalog) -> None:
    full.ignores_ranges = True
    full.cuts[WEIGHTS_PATH] = [2_000_000]
    folder = fetch(make_catalog([f"{full.address}{WEIGHTS_PATH}"]))
    assert (folder / "toy.bin").read_bytes() == WEIGHTS


def test_wrong_bytes_lead_to_the_next_source(hub: HubServer, make_catalog: MakeCatalog) -> None:
    hub.files |= {"/bad/toy.bin": WEIGHTS[::-1], "/good/toy.bin": WEIGHTS}
    catalog = make_catalog([f"{hub.address}/bad/toy.bin", f"{hub.address}/good/toy.bin"])
    assert (fetch(catalog) / "toy.bin").read_bytes() == WEIGHTS


def test_a_hub_that_failed_is_asked_last(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refused(file: HubFile) -> NoReturn:
        asked.append(file.path)
        raise FetchError("cannot be reached")

    monkeypatch.setattr("edge_voice.hub.fetch.look_up", refused)
    rows = [MODEL_ROW]
    for number in range(3):
        content = WEIGHTS[: 5000 + number]
        hub.files[f"/{number}.bin"] = content
        rows.append(
            f'[[models.checkpoints.files]]\nname = "{number}.bin"\nbytes = {len(content)}\n'
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            f'sources = ["huggingface:{REPOSITORY}@{"0" * 40}/{number}.bin",'
            f' "{hub.address}/{number}.bin"]\n'
        )
    path = tmp_path / "catalog.toml"
    path.write_text("".join(rows))
    folder = fetch(load_catalog(path))
    assert sorted(file.name for file in folder.iterdir()) == ["0.bin", "1.bin", "2.bin"]
    assert asked == ["0.bin"]


def test_next_checkpoint_is_tried(hub: HubServer, make_catalog: MakeCatalog) -> None:
    hub.files["/good/toy.bin"] = WEIGHTS
    catalog = make_catalog([f"{hub.address}/good/toy.bin"], repository=REPOSITORY)
    checkpoint, folder = fetch_weights(catalog.get("toy"), 0, silent)
    assert checkpoint.origin == "maker:toy"
    assert (folder / "toy.bin").read_bytes() == WEIGHTS


def test_when_all_fail_one_line_names_each(hub: HubServer, make_catalog: MakeCatalog) -> None:
    hub.files |= {"/bad/toy.bin": WEIGHTS[::-1], "/long/toy.bin": WEIGHTS + b"!"}
    addresses = [f"{hub.address}/{kind}/toy.bin" for kind in ("bad", "long", "none")]
    catalog = make_catalog([*addresses, REFUSING], repository=REPOSITORY)
    with pytest.raises(FetchError) as caught:
        fetch(catalog)
    host = re.escape(hub.address.removeprefix("http://"))
    pattern = (
        r"cannot fetch toy: huggingface:maker/toy: has no file config\.json; "
        rf"{host}/…/toy\.bin: hash is [0-9a-f]+…, expected [0-9a-f]+…; "
        rf"{host}/…/toy\.bin: sends more than the expected 3145728 bytes; "
        rf"{host}/…/toy\.bin: HTTP 404 Not Found; 127\.0\.0\.1:1/…/toy\.bin: Connection refused"
        r" \(with a copy of toy\.bin, config\.json, tokenizer\.json from elsewhere:"
        r" edge-voice export toy --source FOLDER -o DIR, then --model DIR\)"
    )
    assert re.fullmatch(pattern, str(caught.value))


def test_token_goes_to_the_hub_only(
    full: HubServer, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    full.elsewhere = full.address.replace("127.0.0.1", "localhost")
    fetch(make_catalog(repository=REPOSITORY))
    tokens = {path.startswith("/cdn/"): token for method, path, _, token in full.requests}
    assert tokens == {False: "Bearer hf_secret", True: ""}


def test_missing_huggingface_hub_is_a_reason(
    full: HubServer, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(FetchError, match=r'pip install "edge-voice\[export\]"'):
        fetch(make_catalog(repository=REPOSITORY))


@pytest.mark.parametrize("variable", ["EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(
    variable: str, full: HubServer, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(FetchError, match=rf"{variable}=1 forbids .*edge-voice pull toy.*toy\.bin"):
        fetch(make_catalog([f"{full.address}{WEIGHTS_PATH}"], repository=REPOSITORY))
    assert full.requests == []


def test_offline_uses_what_is_there(
    full: HubServer, make_catalog: MakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = make_catalog(repository=REPOSITORY)
    folder = fetch(catalog)
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    assert fetch(catalog) == folder
