"""VITS voices (MMS-TTS, Piper and others) as a `Synthesizer`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import numpy as np

from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.vits import graphs
from edge_voice.models.vits.config import VitsConfig
from edge_voice.models.vits.symbols import SymbolReader
from edge_voice.session import Session
from edge_voice.speak_options import SpeakSettings, read_settings
from edge_voice.speech_edges import pause_samples, trimmed
from edge_voice.synthesizer import Array, AudioChunk, SpeakOptions
from edge_voice.text import clauses, sentences
from edge_voice.text.given import check_given
from edge_voice.time_stretch import stretched

# Characters of a clause: these voices were trained on sentences.
_LONGEST_CLAUSE = 300
# Twice as fast a voice still articulates; beyond it, the audio is stretched.
_SLOWEST, _FASTEST = 0.5, 2.0
# Frames for which noise is drawn, for each id at normal speed; one of Piper's voices uses 2.4. If
# there are more, noise comes again from its start.
_FRAMES_PER_ID = 8
_UNDEFINED = "und"


class VitsModel:
    """A loaded VITS bundle.

    Attributes:
        config: Its numbers.
        sample_rate: Samples per second.
        voices: Names of its speakers.
        languages: What the bundle says it speaks.
        reader: Turns words into ids.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graph.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(VitsConfig, manifest.config, "manifest.json: config")
        self.sample_rate = self.config.sample_rate
        self.voices = self.config.voices
        self.languages = manifest.languages or (_UNDEFINED,)
        self.reader = SymbolReader(self.config)
        self._session = Session(
            folder / manifest.graph("model"),
            graphs.spec(self.config.inputs),
            threads=threads,
            any_shape=True,
        )

    def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Iterator[AudioChunk]:
        """Speaks a text, a clause at a time.

        Args:
            text: Of any length; what stands in `[[ ]]` is phonemes, if the voice reads those.
            **options: See `SpeakOptions`; the model has no `steps` and no `guidance`.

        Raises:
            OptionError: An option's value is not allowed, or the model does not know it; a
                symbol in `[[ ]]` is not one of the voice's; also while iterating: espeak-ng is
                needed and not there, or the text must be romanised first.
        """
        phonemes = self.config.symbols if self.config.espeak_voice else ()
        settings = read_settings(
            options,
            voices=self.voices,
            languages=self.languages,
            unknown=("steps", "solver", "guidance"),
            own=("noise_scale", "noise_scale_duration"),
            phonemes=phonemes,
        )
        check_given(text, phonemes)
        native = min(max(settings.speed, _SLOWEST), _FASTEST)
        chunks = stretched(self._clauses(text, native, settings), settings.speed / native)
        return settings.limited(chunks)

    def speak_ids(
        self,
        ids: list[int],
        *,
        speaker: int = 0,
        speed: float = 1.0,
        duration_noise: Array,
        latent_noise: Array,
    ) -> Array:
        """Samples of some ids, for tests and tools: (n,) float32.

        Args:
            ids: With everything that stands around them.
            speaker: Place of the voice among `voices`.
            speed: 2.0 is twice as fast.
            duration_noise: (k,) float32 of the deviation that is wanted.
            latent_noise: Likewise.
        """
        count = len(ids)
        feeds: dict[str, Array] = {
            graphs.INPUT_IDS: np.array([ids], np.int64),
            graphs.MASK: np.ones((1, count), np.int64),
            graphs.LENGTHS: np.array([count], np.int64),
            graphs.SPEAKER: np.array([speaker], np.int64),
            graphs.LENGTH_SCALE: np.array([1 / speed], np.float32),
            graphs.DURATION_NOISE: duration_noise,
            graphs.LATENT_NOISE: latent_noise,
        }
        names = (*graphs.ALWAYS, *self.config.inputs)
        output = self._session.run({name: feeds[name] for name in names})
        return np.asarray(output[graphs.WAVEFORM]).reshape(-1)

    def _clauses(self, text: str, speed: float, settings: SpeakSettings) -> Iterator[AudioChunk]:
        random = np.random.default_rng(settings.seed)
        pause = 0
        for sentence in sentences(text, settings.language, settings.lexicon):
            for clause in clauses(sentence, _LONGEST_CLAUSE):
                symbols = self.reader.text(clause)
                if not any(symbol.isalnum() for symbol in symbols):
                    continue
                speech = trimmed(self._speak(symbols, speed, settings, random), self.sample_rate)
                if len(speech):  # the pause before it, so that none is left at the end
                    silence = np.zeros(pause, np.float32)
                    yield AudioChunk(np.concatenate([silence, speech]), self.sample_rate, clause)
                    pause = pause_samples(clause, speed, self.sample_rate)

    def _speak(
        self, symbols: str, speed: float, settings: SpeakSettings, random: np.random.Generator
    ) -> Array:
        ids = self.reader.ids(symbols)
        frames = int(len(ids) * _FRAMES_PER_ID / speed)
        latent = random.standard_normal(frames * self.config.latent_channels, np.float32)
        duration = random.standard_normal(2 * len(ids), np.float32)
        return self.speak_ids(
            ids,
            speaker=self.voices.index(settings.voice),
            speed=speed,
            duration_noise=duration
            * _ratio(settings.noise_scale_duration, self.config.noise_scale_duration),
            latent_noise=latent * _ratio(settings.noise_scale, self.config.noise_scale),
        )


def _ratio(wanted: float | None, own: float) -> np.float32:
    """What noise is multiplied by before the graph multiplies it by its own scale."""
    return np.float32(1.0 if wanted is None or own == 0 else wanted / own)


def load(folder: Path, manifest: Manifest, *, threads: int) -> VitsModel:
    """What the loader calls."""
    return VitsModel(folder, manifest, threads=threads)
