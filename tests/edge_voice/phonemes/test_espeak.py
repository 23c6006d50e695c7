"""The user's espeak-ng: what it is given, and what becomes of its answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_voice.errors import OptionError
from edge_voice.phonemes import espeak
from edge_voice.phonemes.espeak import EspeakPhonemizer, open_espeak

# Answers with what it was given: `a^ɪ` is one of espeak-ng's own sounds.
ECHO = '#!/bin/sh\necho "$@" >> "$0.log"\ncat\n'
NEEDS_ESPEAK = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not there")


def script(folder: Path, content: str) -> EspeakPhonemizer:
    command = folder / "espeak"
    command.write_text(content)
    command.chmod(0o755)
    return EspeakPhonemizer("fr-fr", str(command))


def test_what_the_command_is_given(tmp_path: Path) -> None:
    phonemize = script(tmp_path, ECHO)
    assert phonemize("un deux, trois.") == "un deux, trois."
    log = (tmp_path / "espeak.log").read_text().splitlines()
    assert log == ["-q --ipa --tie=^ -b 1 -v fr-fr"]


def test_a_text_is_no_argument_and_no_shell_sees_it(tmp_path: Path) -> None:
    phonemize = script(tmp_path, ECHO)
    phonemize(f"--path=x ; touch {tmp_path}/made $(touch {tmp_path}/made)")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("sentence", "phonemes"),
    [
        ("a^ɪ d^ʒ e^ɪ o^ʊ ə^ʊ t^s t^ʃ ɔ^ɪ", "I ʤ A O Q ʦ ʧ Y"),
        ("x^y q_r s-t", "xy qr st"),
        ("a͡ɪ", "I"),
        ("¿uno? ¡dos!", "uno? dos!"),
        ('dit "oui" et «non»', "dit “oui” et “non”"),
        ("un (deux) [trois]", "un (deux) trois"),
        ("3.14, 2", "3.14, 2"),
        ("एक। दो॥", "एक. दो."),
        ("a, [[bˈA. sˈi]], d", "a, bˈA. sˈi, d"),
        ("[[bˈA]]", "bˈA"),
        ("l'a — b…", "l'a — b…"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_sounds_and_marks(tmp_path: Path, sentence: str, phonemes: str) -> None:
    assert script(tmp_path, ECHO)(sentence) == phonemes


def test_names_of_languages_are_removed(tmp_path: Path) -> None:
    answer = "#!/bin/sh\necho ' lə (^e^n)wiːkˈɛnd(^f^r)'\n"
    assert script(tmp_path, answer)("le weekend.") == "lə wiːkˈɛnd."


def test_lines_that_the_command_divides(tmp_path: Path) -> None:
    """Two clauses give three lines: each is asked for alone."""
    twice = '#!/bin/sh\nwhile read -r line || [ -n "$line" ]; do echo $line; echo; done\n'
    assert script(tmp_path, twice)("un, deux.") == "un, deux."


def test_long_sentences_are_given_in_lines(tmp_path: Path) -> None:
    phonemize = script(tmp_path, '#!/bin/sh\ntee -a "$0.log"\n')
    words = "parole " * 300
    assert phonemize(words).split() == words.split()
    assert max(map(len, (tmp_path / "espeak.log").read_text().splitlines())) <= 240


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#!/bin/sh\necho no such voice >&2\nexit 3\n", r"espeak -v fr-fr: exit 3: no such voice"),
        ("no program", r"espeak: cannot be started: Exec format error"),
        ("#!/bin/sh\nexec sleep 5\n", r"espeak: no answer for 0\.2 s"),
    ],
)
def test_a_command_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    monkeypatch.setattr(espeak, "_SECONDS", 0.2)
    with pytest.raises(OptionError, match=message):
        script(tmp_path, content)("un")


def test_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(espeak.VARIABLE, raising=False)
    with pytest.raises(OptionError, match=r"needs the program espeak-ng.*apt install espeak-ng"):
        open_espeak("it")("ciao")
    monkeypatch.setenv(espeak.VARIABLE, str(tmp_path / "other"))
    with pytest.raises(OptionError, match=r"/other, which is not there \(EDGE_VOICE_ESPEAK names"):
        open_espeak("it")("ciao")
    assert open_espeak("it")("…") == "…"


def test_the_command_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, ECHO)
    (tmp_path / "espeak").rename(tmp_path / "espeak-ng")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert open_espeak("es")("hola") == "hola"


@NEEDS_ESPEAK
@pytest.mark.parametrize(
    ("voice", "sentence", "phonemes"),
    [
        # What misaki 0.9.4 makes of them with espeak-ng 1.51 and 1.52.
        ("es", "El perro corrió; después: silencio…", "el pˈero kˌoriˈo; despwˈes: silˈɛnθjo…"),
        ("fr-fr", "C'est un bon week-end (très long).", "sɛt œ̃ bˈɔ̃ wˈiːkˈɛnd (tʁɛ lˈɔ̃)."),
        ("it", "Pizza e zucchero.", "pˈiʦːa e ʣˈukːeɾo."),
        ("pt-br", "Olá, como você está hoje?", "olˈa, kˌomʊ vosˌe estˌa ˈoʒy?"),
        ("hi", "नमस्ते, आप कैसे हैं।", "nəmˈʌsteː, ˌaːp kˈɛːseː hɛ̃."),
    ],
)
def test_the_real_one(voice: str, sentence: str, phonemes: str) -> None:
    assert open_espeak(voice)(sentence) == phonemes
