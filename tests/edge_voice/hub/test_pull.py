from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_voice.errors import (
    EdgeVoiceError,
    FetchError,
    ModelError,
    ModelNotFound,
    OptionError,
    StoreError,
    UnsupportedModel,
)
from edge_voice.hub import store
from edge_voice.hub.catalog import Catalog
from edge_voice.hub.progress import silent
from edge_voice.hub.pull import ExportJob, export_in_child, pull
from edge_voice.hub.verify import verify_bundle

if TYPE_CHECKING:
    from conftest import HubServer, ToyExporter

WEIGHTS = bytes(range(256)) * 12_288
MakeCatalog = Callable[..., Catalog]


@pytest.fixture
def catalog(hub: HubServer, make_catalog: MakeCatalog) -> Catalog:
    small = {"config.json": b"{}1", "tokenizer.json": b"{}22"}
    hub.add("maker/toy", {"toy.bin": WEIGHTS, **small})
    return make_catalog(repository="maker/toy")


def test_pull_installs_a_bundle_and_drops_the_weights(
    catalog: Catalog, exporter: ToyExporter, home: Path
) -> None:
    folder = pull("toy", catalog=catalog, exporter=exporter)
    assert folder == home / "models/toy/int8" == store.find("toy")
    assert verify_bundle(folder) == []
    assert exporter.seen["toy.bin"] == WEIGHTS
    (job,) = exporter.jobs
    assert (job.name, job.precision, job.licence) == ("toy", "int8", "MIT")
    assert (job.origin, job.revision[:8]) == ("huggingface:maker/toy", "01234567")
    assert sorted(path.name for path in home.rglob("*toy*")) == ["toy", "toy.lock"]


@pytest.mark.parametrize(
    ("licence", "terms", "level"),
    [("MIT", "", "INFO"), ("CC-BY-NC-4.0", ", not for money", "WARNING")],
)
def test_the_licence_is_told_before_anything_is_fetched(
    hub: HubServer, make_catalog: MakeCatalog, exporter: ToyExporter, home: Path,
    caplog: pytest.LogCaptureFixture, licence: str, terms: str, level: str,
) -> None:  # fmt: skip
    catalog = make_catalog([f"{hub.address}/absent"])
    row = replace(catalog.get("toy"), licence=licence, terms=terms.removeprefix(", "))
    caplog.set_level("INFO")
    with pytest.raises(FetchError):
        pull("toy", catalog=Catalog({"toy": row}), exporter=exporter)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        (level, f"toy: licence {licence}{terms}")
    ]


def test_no_licence_is_told_where_nothing_may_be_fetched(
    catalog: Catalog, exporter: ToyExporter, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    caplog.set_level("INFO")
    with pytest.raises(FetchError, match="forbids the network"):
        pull("toy", catalog=catalog, exporter=exporter)
    assert caplog.records == []


def test_the_licence_of_what_is_installed_is_not_told_again(
    catalog: Catalog, exporter: ToyExporter, caplog: pytest.LogCaptureFixture
) -> None:
    pull("toy", catalog=catalog, exporter=exporter)
    caplog.set_level("INFO")
    pull("toy", catalog=catalog, exporter=exporter)
    assert caplog.records == []


def test_single_file_is_handed_over_itself(
    hub: HubServer, make_catalog: MakeCatalog, exporter: ToyExporter
) -> None:
    hub.files["/toy.bin/toy.bin"] = WEIGHTS
    catalog = make_catalog([f"{hub.address}/toy.bin/toy.bin"])
    pull("toy", "fp32", catalog=catalog, exporter=exporter)
    assert exporter.jobs[0].source.name == "toy.bin"


def test_installed_bundle_is_returned_at_once(
    catalog: Catalog, exporter: ToyExporter, hub: HubServer
) -> None:
    first = pull("toy", catalog=catalog, exporter=exporter)
    hub.requests.clear()
    assert pull("toy", catalog=catalog, exporter=exporter) == first
    assert (len(exporter.jobs), hub.requests) == (1, [])


def test_kept_weights_serve_the_next_precision(
    catalog: Catalog, exporter: ToyExporter, hub: HubServer
) -> None:
    pull("toy", catalog=catalog, exporter=exporter, keep_weights=True)
    hub.requests.clear()
    pull("toy", "int4", catalog=catalog, exporter=exporter)
    assert [b.precision for b in store.installed()] == ["int8", "int4"]
    assert hub.requests == []
    assert not store.weights_folder("toy").exists()


@pytest.mark.parametrize(
    ("name", "precision", "error"),
    [("tiy", "int8", ModelNotFound), ("toy", "int2", OptionError), ("../x", "int8", ModelNotFound)],
)
def test_wrong_names_touch_nothing(
    name: str,
    precision: str,
    error: type[EdgeVoiceError],
    catalog: Catalog,
    exporter: ToyExporter,
    home: Path,
) -> None:
    with pytest.raises(error):
        pull(name, precision, catalog=catalog, exporter=exporter)
    assert not home.exists()


@pytest.mark.parametrize("error", [ModelError("bad checkpoint"), KeyboardInterrupt()])
def test_failed_export_leaves_the_store_whole(
    error: EdgeVoiceError | KeyboardInterrupt,
    catalog: Catalog,
    exporter: ToyExporter,
    hub: HubServer,
    home: Path,
) -> None:
    exporter.error = error
    with pytest.raises(type(error)):
        pull("toy", catalog=catalog, exporter=exporter)
    assert store.installed() == []
    assert not (home / "staging/toy").exists()
    exporter.error = None
    hub.requests.clear()
    assert verify_bundle(pull("toy", catalog=catalog, exporter=exporter)) == []
    assert hub.requests == []  # the weights had stayed


def test_export_without_manifest_is_not_installed(catalog: Catalog) -> None:
    def lazy(job: ExportJob, _progress: object, /) -> None:
        job.output.mkdir()

    with pytest.raises(ModelError, match=r"wrote no manifest\.json"):
        pull("toy", catalog=catalog, exporter=lazy)
    assert store.find("toy") is None


def test_half_a_bundle_is_replaced(catalog: Catalog, exporter: ToyExporter, home: Path) -> None:
    (home / "models/toy/int8").mkdir(parents=True)
    (home / "models/toy/int8/stale.onnx").write_bytes(b"")
    folder = pull("toy", catalog=catalog, exporter=exporter)
    assert verify_bundle(folder) == []


def test_full_disk_is_noticed_first(
    catalog: Catalog, exporter: ToyExporter, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10, 9, 3_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StoreError, match=r"not enough space .* 3 MB needed, 3 MB free"):
        pull("toy", catalog=catalog, exporter=exporter)
    assert hub.requests == []


def test_offline(catalog: Catalog, exporter: ToyExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_VOICE_OFFLINE", "1")
    with pytest.raises(FetchError, match="EDGE_VOICE_OFFLINE=1 forbids the network"):
        pull("toy", catalog=catalog, exporter=exporter)


def test_missing_exporter_is_said_before_the_download(
    catalog: Catalog, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedModel, match=r'pip install "edge-voice\[export\]"'):
        pull("toy", catalog=catalog)
    assert hub.requests == []


PULL_AND_TELL = """
import sys
from pathlib import Path
from edge_voice.hub.catalog import load_catalog
from edge_voice.hub.pull import pull
sys.path.insert(0, sys.argv[1])
from bundles import manifest_of

def exporter(job, progress):
    print("exporting", flush=True)
    sys.stdin.readline()
    job.output.mkdir()
    (job.output / "encoder.onnx").write_bytes(b"graph")
    manifest_of(job.output, name=job.name, precision=job.precision).save(job.output)

def progress(done, total, label):
    if "waiting" in label:
        print(label, flush=True)

print(pull("toy", catalog=load_catalog(Path(sys.argv[2])), exporter=exporter, progress=progress))
"""


def start_pull(catalog_path: Path) -> subprocess.Popen[str]:
    folder = Path(__file__).parents[1]
    command = [sys.executable, "-c", PULL_AND_TELL, str(folder), str(catalog_path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_two_processes_pull_at_once(catalog: Catalog, tmp_path: Path, home: Path) -> None:
    (path,) = tmp_path.glob("catalog-*.toml")
    first = start_pull(path)
    assert first.stdout is not None
    assert first.stdout.readline() == "exporting\n"
    second = start_pull(path)
    assert second.stdout is not None
    assert second.stdout.readline().startswith("waiting for another process")
    folder = f"{home / 'models/toy/int8'}\n"
    assert first.communicate("go\n")[0] == folder
    assert second.communicate()[0] == folder  # it never exported
    assert verify_bundle(Path(folder.strip())) == []


def test_killed_process_leaves_nothing_locked(
    catalog: Catalog, exporter: ToyExporter, tmp_path: Path
) -> None:
    (path,) = tmp_path.glob("catalog-*.toml")
    with start_pull(path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "exporting\n"
        child.send_signal(signal.SIGKILL)
    assert verify_bundle(pull("toy", catalog=catalog, exporter=exporter)) == []


@pytest.fixture
def job(tmp_path: Path) -> ExportJob:
    output = tmp_path / "store/staging/toy/bundle"
    output.parent.mkdir(parents=True)
    source = tmp_path / "w.bin"
    return ExportJob(source, output, "toy", "int8", "MIT", "maker:toy", "")


@pytest.fixture
def fake_exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package called edge_voice_export that hides the real one; the body is to be written."""
    package = tmp_path / "fake/edge_voice_export"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package / "__main__.py"


def test_exporter_runs_as_a_child(job: ExportJob, fake_exporter: Path) -> None:
    fake_exporter.write_text(
        "import sys, pathlib\n"
        "pathlib.Path(sys.argv[-1]).mkdir()\n"
        "pathlib.Path(sys.argv[-1], 'args').write_text(' '.join(sys.argv[1:-1]))\n"
    )
    export_in_child(job, silent)
    assert (job.output / "args").read_text() == (
        f"--source {job.source} --name toy --precision int8 --licence MIT"
        " --origin maker:toy --revision  -o"
    )


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ("print('error: no tensor x'); raise SystemExit(3)", ModelError, "no tensor x"),
        (
            "print('noise\\nx-y: Error: disk full\\n'); raise SystemExit(5)",
            StoreError,
            "^disk full",
        ),
        ("raise ValueError('oops')", EdgeVoiceError, "ValueError: oops"),
        ("raise SystemExit(1)", EdgeVoiceError, "the export of toy failed with code 1"),
        ("import os; os.kill(os.getpid(), 9)", ModelError, r"killed by signal 9 \(out of memory"),
    ],
)
def test_childs_error_is_passed_on(
    body: str, error: type[EdgeVoiceError], message: str, job: ExportJob, fake_exporter: Path
) -> None:
    fake_exporter.write_text(body)
    with pytest.raises(error, match=message) as caught:
        export_in_child(job, silent)
    assert type(caught.value) is error
