"""`edge-voice speak` with small Voxtral bundles: every option, and everything that can be wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import edge_voice
from edge_voice import audio
from edge_voice.cli import terminal
from edge_voice.errors import ModelError, OptionError
from edge_voice.models.voxtral_tts.acoustic import AcousticTransformer
from tests.export.models.voxtral_tts.models import tiny_voxtral

Speak = Callable[..., Result]
TEXT = "It was the best of times, it was the worst of times. Was it not? I do believe it was."
SHORT = "A day of rain and wind."


@pytest.fixture(scope="session")
def random_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a checkpoint with other sizes and voices than the golden one."""
    folder = tmp_path_factory.mktemp("random")
    tiny_voxtral(folder, width=40, seed=3).export(folder / "bundle", "balanced")
    return folder / "bundle"


@pytest.fixture(params=["golden", "random"])
def any_bundle(request: pytest.FixtureRequest, exported: Path, random_bundle: Path) -> Path:
    return {"golden": exported, "random": random_bundle}[request.param]


@pytest.fixture
def speak(call: Speak, exported: Path, here: Path) -> Speak:
    """`edge-voice speak … --threads 1` with the golden bundle, unless another is named."""

    def run(*arguments: str, bundle: Path = exported, stdin: bytes | None = None) -> Result:
        return call(
            "speak", "--model", str(bundle), "--threads", "1", *arguments, stdin=stdin
        )

    return run


def pcm(result: Result) -> np.ndarray:
    assert (result.exit_code, result.stderr) == (0, "")
    return np.frombuffer(result.stdout_bytes, "<i2")


def stream(speak: Speak, text: str, *options: str, **more: Any) -> np.ndarray:
    return pcm(speak(text, "--format", "pcm", *options, **more))


def test_what_is_written_is_what_the_model_says(speak: Speak, any_bundle: Path) -> None:
    model = edge_voice.load(any_bundle, threads=1)
    voice = model.voices[1]
    said = np.concatenate([c.waveform for c in model.synthesize(TEXT, voice=voice, seed=5)])
    found = stream(speak, TEXT, "--voice", voice, "--seed", "5", bundle=any_bundle)
    assert np.abs(found / 32768 - said).max() < 1e-4
    again = stream(speak, "-", "--voice", voice, "--seed", "5", bundle=any_bundle,
                   stdin=TEXT.encode())  # fmt: skip
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.pcm"])
def test_formats(speak: Speak, here: Path, name: str) -> None:
    expected = stream(speak, SHORT)
    assert speak(SHORT, "-o", name).exit_code == 0
    assert [path.name for path in here.iterdir()] == [name]
    if name == "a.pcm":
        assert (here / name).read_bytes() == expected.tobytes()
        return
    found = audio.read(here / name, sample_rate=24_000)
    if name in ("a.wav", "a.flac"):
        np.testing.assert_array_equal(np.rint(found * 32768), expected)
    assert len(found) == pytest.approx(len(expected), abs=2400)


def test_every_option_does_something(speak: Speak) -> None:
    plain = stream(speak, SHORT)
    np.testing.assert_array_equal(stream(speak, SHORT, "--seed", "0"), plain)
    for option in (
        "--seed 1", "--voice fr_female", "--language fr", "--steps 2", "--guidance 4",
        "--speed 1.5", "--max-seconds 0.2",
    ):  # fmt: skip
        other = stream(speak, SHORT, *option.split())
        assert len(other) != len(plain) or not np.array_equal(other, plain), option
    assert len(stream(speak, SHORT, "--max-seconds", "0.2")) == 4800
    slow = stream(speak, SHORT, "--speed", "0.5")
    assert len(slow) == pytest.approx(2 * len(plain), rel=0.02)
    french = stream(speak, "Le 3 mai.", "--voice", "casual_male", "--language", "fr")
    english = stream(speak, "Le 3 mai.", "--voice", "casual_male")
    assert not np.array_equal(french, english)  # "trois" and "three"


def test_rows_of_ones_own(speak: Speak, model: Any, here: Path) -> None:
    rows = model.prompts.voice("fr_female")
    np.save(here / "mine.npy", rows)
    expected = stream(speak, SHORT, "--voice", "fr_female")
    np.testing.assert_array_equal(
        stream(speak, SHORT, "--voice", "mine.npy", "--language", "fr"), expected
    )
    np.save(here / "mine.npy", rows[:, :60])
    refused = speak(SHORT, "--voice", "mine.npy", "-o", "a.wav")
    assert refused.exit_code == OptionError.exit_code
    assert "float32 of shape [7, 60] (allowed: floats of shape [1 to 4096, 64])" in refused.stderr


def test_the_bar_follows_the_text(
    speak: Speak, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []

    def update(_: Any, position_seconds: float, share: float) -> None:
        assert position_seconds > 0
        shares.append(share)

    monkeypatch.setattr(terminal.AudioProgress, "update", update)
    assert speak(" ".join([TEXT] * 12), "-o", "a.wav").exit_code == 0
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert len(set(shares)) > 3
    assert 0.6 < shares[-1] < 1


BLANK = "nothing to say: the text has no letters and no digits"
MEGABYTE = 1_000_000
WRONG: dict[str, tuple[list[str], bytes | None, str]] = {
    "empty": ([""], None, BLANK),
    "blanks": ([" \n\t "], None, BLANK),
    "surrogates alone": (["\ud800\udcff"], None, BLANK),
    "no letters": (["?! \U0001f600 …"], None, BLANK),
    "a megabyte that is not text": (["-"], b"\xff" * MEGABYTE, BLANK),
    "a megabyte of line breaks": (["-"], b"\n" * MEGABYTE, BLANK),
    "another script": (["你好，世界。"], None, "text in Cjk letters, which the model cannot speak"),
    "unknown voice": (["Hi.", "--voice", "bob"], None, "unknown voice 'bob' (known: casual_male"),
    "a recording": (["Hi.", "--voice", "me.wav"], None, "voices cannot be cloned from recordings"),
    "no rows": (["Hi.", "--voice", "me.npy"], None, "voice me.npy: cannot be read: [Errno 2]"),
    "language": (["Hi.", "--language", "xx"], None, "language 'xx' (allowed: en, fr)"),
    "steps": (["Hi.", "--steps", "65"], None, "65 steps (allowed: 1 to 64)"),
    "guidance": (["Hi.", "--guidance", "nan"], None, "guidance nan (allowed: 0 to 10)"),
    "speed": (["Hi.", "--speed", "0.1"], None, "speed 0.1 (allowed: 0.25 to 4)"),
    "seconds": (["Hi.", "--max-seconds", "inf"], None, "max_seconds inf (allowed: more than 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_leaves_nothing(speak: Speak, here: Path, case: str) -> None:
    arguments, stdin, message = WRONG[case]
    result = speak(*arguments, "-o", "a.wav", stdin=stdin)
    assert result.exit_code == OptionError.exit_code
    (line,) = result.stderr.splitlines()
    assert line.startswith("edge-voice: error: ")
    assert message in line
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [b"word " * 200_000, b"a" * MEGABYTE, b"1" * MEGABYTE, b"e\xcc\x81" * 333_333],
    ids=["words", "one word", "one number", "accents"],
)
def test_a_megabyte_is_spoken_from_its_beginning(speak: Speak, text: bytes) -> None:
    assert len(stream(speak, "-", "--max-seconds", "0.3", stdin=text)) == 7200


def test_surrogates_inside_a_text_are_passed_over(speak: Speak) -> None:
    found = stream(speak, "A day \udcffof rain and\ud83d wind.")
    np.testing.assert_array_equal(found, stream(speak, SHORT))


def test_ctrl_c_in_the_middle(
    speak: Speak, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    frame = AcousticTransformer.frame

    def interrupted(self: AcousticTransformer, *arguments: Any, **options: Any) -> Any:
        seen.append(sorted(path.name for path in here.iterdir()))
        if len(seen) > 20:
            raise KeyboardInterrupt
        return frame(self, *arguments, **options)

    monkeypatch.setattr(AcousticTransformer, "frame", interrupted)
    (here / "a.wav").write_bytes(b"old")
    result = speak(" ".join([TEXT] * 10), "-o", "a.wav")
    assert (result.exit_code, result.stderr) == (130, "edge-voice: interrupted\n")
    (part,) = set(seen[-1]) - {"a.wav"}  # some of it had been written under another name
    assert part.endswith(".part")
    assert [(path.name, path.read_bytes()) for path in here.iterdir()] == [("a.wav", b"old")]


def _garbled(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes().rstrip()[:-1]),
    "garbled": lambda path: path.write_bytes(_garbled(path.read_bytes())),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_bundle(
    speak: Speak, bundle: Path, here: Path, tmp_path: Path, damage: str
) -> None:
    names = sorted(path.name for path in bundle.iterdir())
    assert len(names) > 10
    for name in names:
        kept = shutil.copy2(bundle / name, tmp_path / "kept")
        DAMAGES[damage](bundle / name)
        result = speak("Hi.", "-o", "a.wav", bundle=bundle)
        shutil.move(kept, bundle / name)
        if (name, damage) == ("manifest.json", "garbled"):
            continue  # a changed letter may be one that nobody reads
        assert result.exit_code == ModelError.exit_code, name
        (line,) = result.stderr.splitlines()
        assert name in line or (name, damage) == ("manifest.json", "missing")
        assert list(here.iterdir()) == []
    assert speak("Hi.", "-o", "a.wav", bundle=bundle).exit_code == 0
