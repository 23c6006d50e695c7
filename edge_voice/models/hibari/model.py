"""hibari as a `Synthesizer`: English text in, 24 kHz speech out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import numpy as np

from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.hibari import graphs
from edge_voice.models.hibari.config import HibariConfig
from edge_voice.models.hibari.vocoder import Vocoder
from edge_voice.phonemes.bundle import open_english
from edge_voice.phonemes.unknown import Alphabet
from edge_voice.session import Session
from edge_voice.speak_options import SpeakSettings, read_settings
from edge_voice.speech_edges import pause_samples, trimmed
from edge_voice.synthesizer import Array, AudioChunk, SpeakOptions
from edge_voice.text import clauses, sentences
from edge_voice.text.given import check_given
from edge_voice.time_stretch import stretched

# Characters of a clause; five letters are about four phonemes.
_LONGEST_CLAUSE = 300
# The range of durations that the model was trained on; beyond it, the audio is stretched.
_SLOWEST, _FASTEST = 0.5, 2.0


class HibariModel:
    """A loaded hibari bundle.

    Attributes:
        config: Its numbers.
        sample_rate: Samples per second.
        voices: The one voice.
        languages: English.
        phonemize: Sentence in words → phonemes.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs and the lexicon.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(HibariConfig, manifest.config, "manifest.json: config")
        self.sample_rate = self.config.sample_rate
        self.voices = (self.config.voice,)
        self.languages = manifest.languages
        graph = folder / manifest.graph("acoustic")
        self._acoustic = Session(graph, graphs.ACOUSTIC, threads=threads)
        bins = int(self._acoustic.shape("lh")[1])
        self._vocoder = Vocoder(bins, self.config.hop_samples, self.config.sample_rate)
        alphabet = Alphabet(
            self.config.unknown_letters,
            self.config.unknown_phonemes,
            self.config.unknown_longest,
        )
        self.phonemize = open_english(folder, manifest, alphabet)

    def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Iterator[AudioChunk]:
        """Speaks a text, a sentence at a time.

        Args:
            text: English, of any length; what stands in `[[ ]]` is phonemes.
            **options: See `SpeakOptions`; the model has no `steps` and no `guidance`.

        Raises:
            OptionError: An option's value is not allowed, or the model does not know it; a
                phoneme in `[[ ]]` is not in its alphabet.
        """
        settings = read_settings(
            options,
            voices=self.voices,
            languages=self.languages,
            unknown=("steps", "solver", "guidance"),
            phonemes=self.config.phoneme_ids,
        )
        check_given(text, self.config.phoneme_ids)
        native = min(max(settings.speed, _SLOWEST), _FASTEST)
        chunks = stretched(self._sentences(text, native, settings), settings.speed / native)
        return settings.limited(chunks)

    def speak_phonemes(self, phonemes: str, *, speed: float = 1.0, seed: int = 0) -> Array:
        """Samples of a phoneme string, silence included, for tests and tools: (n,) float32."""
        return self._speak(phonemes, speed, np.random.default_rng(seed))

    def _sentences(self, text: str, speed: float, settings: SpeakSettings) -> Iterator[AudioChunk]:
        random = np.random.default_rng(settings.seed)
        pause = 0
        for sentence in sentences(text, settings.language, settings.lexicon):
            for clause in clauses(sentence, _LONGEST_CLAUSE):
                parts = [
                    trimmed(self._speak(phonemes, speed, random), self.sample_rate)
                    for phonemes in self._pieces(clause)
                ]
                if any(map(len, parts)):  # the pause before it, so that none is left at the end
                    silence = np.zeros(pause, np.float32)
                    yield AudioChunk(np.concatenate([silence, *parts]), self.sample_rate, clause)
                    pause = pause_samples(clause, speed, self.sample_rate)

    def _pieces(self, clause: str) -> list[str]:
        """Phonemes of a clause, in as many pieces as the model needs."""
        return clauses(self.phonemize(clause), self.config.longest_phonemes)

    def _speak(self, phonemes: str, speed: float, random: np.random.Generator) -> Array:
        table = self.config.phoneme_ids
        ids = [table[phoneme] for phoneme in phonemes if phoneme in table]
        if not ids:
            return np.zeros(0, np.float32)
        feeds: dict[str, Array] = {
            "ids": np.array([[0, *ids, 0]], np.int64),
            "speed": np.array([speed], np.float32),
        }
        return self._vocoder(self._acoustic.run(feeds), random)


def load(folder: Path, manifest: Manifest, *, threads: int) -> HibariModel:
    """What the loader calls."""
    return HibariModel(folder, manifest, threads=threads)
