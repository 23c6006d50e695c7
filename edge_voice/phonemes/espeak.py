"""Phonemes of other languages than English, from the user's own `espeak-ng` command.

Kokoro's voices were trained on what misaki's `EspeakG2P` (0.9.4, Apache-2.0) makes of espeak-ng's
output; the table of sounds below has its facts. The program is GPL and is neither included nor
linked: it is started, given words, and read.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from edge_voice.errors import OptionError
from edge_voice.phonemes.marks import directed_quotes, kept_mark
from edge_voice.text import clauses
from edge_voice.text.given import GIVEN

COMMAND = "espeak-ng"
VARIABLE = "EDGE_VOICE_ESPEAK"
# The command reads a line at a time, of at most 1000 bytes; a letter has up to four.
_LONGEST_LINE = 240
_SECONDS = 20.0
_TIE = "^"
_SOUNDS = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q",
    "s^s": "S", "t^s": "ʦ", "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
_SOUND = re.compile("|".join(map(re.escape, _SOUNDS)))
_SILENT = re.compile(r"\([^()]*\)|[-_^\u0361]")  # names of languages, and what separates sounds
# Phonemes of the user, and marks; a full stop or comma within a number is none.
_BETWEEN = re.compile(rf"({GIVEN}|[;:!?¡¿—…\"“”«»()\[\]{{}}।॥]|[.,](?!\d)|(?<!\d)[.,])")


@dataclass(frozen=True, slots=True)
class EspeakPhonemizer:
    """Sentences in words to phonemes, by one process for each sentence.

    Attributes:
        voice: The name that the command knows the language by.
        command: What is started; a name is looked for where the shell would.
        plain: Whether sounds stay as espeak-ng writes them, and are not Kokoro's.
    """

    voice: str
    command: str = COMMAND
    plain: bool = False

    def __call__(self, sentence: str) -> str:
        """Phonemes of one sentence; marks and phonemes in `[[ ]]` are kept.

        Raises:
            OptionError: The command is not there, or fails.
        """
        parts = _BETWEEN.split(sentence)
        words = [piece for part in parts[::2] for piece in _pieces(part)]
        spoken = iter(self._lines(words) if words else ())
        for index, part in enumerate(parts):
            if index % 2:
                parts[index] = _mark(part)
            else:
                said = " ".join(next(spoken) for _ in _pieces(part))
                parts[index] = _spaced_like(part, said)
        return " ".join(directed_quotes("".join(parts)).split())

    def _lines(self, words: Sequence[str]) -> list[str]:
        """What is said for each line of words."""
        lines = self._run("\n".join(words)).splitlines()
        if len(words) == 1:
            return [self._written(" ".join(lines))]
        if len(lines) == len(words):
            return list(map(self._written, lines))
        # A line was divided by the program itself: then each on its own.
        return [line for piece in words for line in self._lines([piece])]

    def _written(self, line: str) -> str:
        return " ".join(_SILENT.sub("", line).split()) if self.plain else _in_alphabet(line)

    def _run(self, text: str) -> str:
        arguments = [self.command, "-q", "--ipa", f"--tie={_TIE}", "-b", "1", "-v", self.voice]
        try:
            done = subprocess.run(
                arguments, input=text.encode(), capture_output=True, timeout=_SECONDS, check=False
            )
        except FileNotFoundError:
            raise OptionError(_missing(self.command, self.voice)) from None
        except OSError as error:
            raise OptionError(f"{self.command}: cannot be started: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise OptionError(f"{self.command}: no answer for {_SECONDS:g} s") from None
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())[:200]
            raise OptionError(f"{self.command} -v {self.voice}: exit {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")


def open_espeak(voice: str, *, plain: bool = False) -> EspeakPhonemizer:
    """The command of the variable `EDGE_VOICE_ESPEAK`, else `espeak-ng`; starts nothing."""
    return EspeakPhonemizer(voice, os.environ.get(VARIABLE) or COMMAND, plain)


def _missing(command: str, voice: str) -> str:
    where = "apt install espeak-ng" if command == COMMAND else f"{VARIABLE} names it"
    return f"language {voice} needs the program {command}, which is not there ({where})"


def _pieces(part: str) -> list[str]:
    """Lines of words; none if there is nothing to say."""
    return clauses(" ".join(part.split()), _LONGEST_LINE) if re.search(r"\w", part) else []


def _spaced_like(part: str, said: str) -> str:
    """The blanks around it as they were written."""
    before, after = part[:1].isspace(), part[-1:].isspace()
    return f"{' ' * before}{said.strip()}{' ' * after}"


def _mark(text: str) -> str:
    if text.startswith("[["):
        return text[2:-2]
    return kept_mark(text)


def _in_alphabet(line: str) -> str:
    """espeak-ng's sounds as the voices' alphabet writes them."""
    joined = _SOUND.sub(lambda found: _SOUNDS[found[0]], line.replace("\u0361", _TIE))
    return " ".join(_SILENT.sub("", joined).split())
