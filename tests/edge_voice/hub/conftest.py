"""A store in a temporary folder, and a server that plays the Hugging Face hub."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import EdgeVoiceError
from edge_voice.hub.catalog import Catalog, load_catalog
from edge_voice.hub.pull import ExportJob
from tests.edge_voice.bundles import manifest_of, write_bundle

REVISION = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = bytes(range(256)) * 12_288  # 3 MB: three blocks of a download
SMALL_FILES = {"config.json": b'{"layers": 1}', "tokenizer.json": b'{"model": {}}'}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class HubServer:
    """The stand-in: what it serves, how it misbehaves, what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)  # token → status, code
    etags: dict[str, str] = field(default_factory=dict)  # in place of the true hashes
    ignores_ranges: bool = False
    elsewhere: str = ""  # redirect large files to this address
    cuts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    requests: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, repository: str, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            self.files[f"/{repository}/resolve/{REVISION}/{name}"] = data

    def ranges(self) -> list[str]:
        return [range_ for method, _, range_, _ in self.requests if method == "GET" and range_]


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: HubServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        range_, token = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        self.hub.requests.append((self.command, self.path, range_, token))
        refusal = self.hub.refuses.get(token.removeprefix("Bearer "))
        path = self.path.removeprefix("/cdn")
        data = self.hub.files.get(path)
        if refusal and path == self.path:
            self._refuse(*refusal)
        elif data is None:
            self._refuse(404, "EntryNotFound")
        elif body and self.hub.elsewhere and path == self.path and len(data) > 1000:
            self.send_response(302)
            self.send_header("Location", f"{self.hub.elsewhere}/cdn{path}")
            self.end_headers()
        else:
            self._serve(data, range_, body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, data: bytes, range_: str, body: bool) -> None:
        start = int(range_[6:-1]) if range_ and not self.hub.ignores_ranges else 0
        large = len(data) > 1000
        true = sha256(data) if large else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        name = self.hub.etags.get(self.path.removeprefix("/cdn"), true)
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{name}"')
        self.send_header("X-Repo-Commit", REVISION)
        if large:
            self.send_header("X-Linked-Etag", f'"{name}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if body:
            cuts = self.hub.cuts[self.path]
            self.wfile.write(data[start : start + cuts.pop(0)] if cuts else data[start:])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    stand_in = HubServer()
    handler = type("Handler", (_Handler,), {"hub": stand_in})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", stand_in.address)
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EDGE_VOICE_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EDGE_VOICE_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return tmp_path / "store"


@pytest.fixture
def make_catalog(tmp_path: Path) -> Callable[..., Catalog]:
    """Builds a catalog with the model `toy`: one checkpoint per list of sources given."""

    def build(
        *sources: list[str],
        repository: str = "",
        weights: bytes = WEIGHTS,
        digest: str = "",
        row: str = "",
    ) -> Catalog:
        digest = digest or sha256(weights)
        size = f'name = "toy.bin", bytes = {len(weights)}, sha256 = "{digest}"'
        text = '[[models]]\nname = "toy"\nmodel_type = "whisper"\ntask = "transcribe"\n'
        text += 'languages = ["en"]\nlicence = "MIT"\nparameters = 1000\n'
        text += row
        if repository:
            small = "".join(f', {{ name = "{name}" }}' for name in SMALL_FILES)
            text += f'[[models.checkpoints]]\norigin = "huggingface:{repository}"\n'
            text += f'revision = "{REVISION}"\nfiles = [{{ {size} }}{small}]\n'
        for each in sources:
            text += '[[models.checkpoints]]\norigin = "maker:toy"\n'
            text += f"files = [{{ {size}, sources = {each} }}]\n"
        path = tmp_path / f"catalog-{sha256(text.encode())[:8]}.toml"
        path.write_text(text)
        return load_catalog(path)

    return build


class ToyExporter:
    """Writes a small valid bundle and remembers what it was asked and what it saw."""

    def __init__(self) -> None:
        self.jobs: list[ExportJob] = []
        self.seen: dict[str, bytes] = {}
        self.error: EdgeVoiceError | KeyboardInterrupt | None = None

    def __call__(self, job: ExportJob, _progress: Any, /) -> None:
        self.jobs.append(job)
        files = [job.source] if job.source.is_file() else sorted(job.source.iterdir())
        self.seen = {path.name: path.read_bytes() for path in files}
        job.output.mkdir()
        (job.output / "encoder.onnx").write_bytes(b"graph")
        if self.error:
            raise self.error
        manifest_of(job.output, name=job.name, precision=job.precision).save(job.output)


@pytest.fixture
def exporter() -> ToyExporter:
    return ToyExporter()


@pytest.fixture
def install(home: Path) -> Callable[..., Path]:
    """Puts a small valid bundle into the store."""

    def put(name: str = "toy", precision: str = "int8") -> Path:
        return write_bundle(home / "models" / name / precision, name=name, precision=precision)

    return put
