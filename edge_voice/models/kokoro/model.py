"""Kokoro as a `Synthesizer`: 54 voices in nine accents, 24 kHz speech out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np

from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.kokoro import graphs
from edge_voice.models.kokoro.config import KokoroConfig
from edge_voice.models.kokoro.frames import Frames, cuts, spoken
from edge_voice.models.kokoro.voices import (
    Blend,
    check_language,
    open_styles,
    parse_voice,
    style_of,
)
from edge_voice.phonemes.factory import Phonemizer, open_phonemizer
from edge_voice.session import Session
from edge_voice.speak_options import SpeakSettings, read_settings
from edge_voice.speech_edges import pause_samples, trimmed
from edge_voice.synthesizer import Array, AudioChunk, SpeakOptions
from edge_voice.text import clauses, sentences
from edge_voice.text.given import check_given
from edge_voice.time_stretch import stretched

# Characters of a clause. The encoder's memory grows with it, the decoder's does not.
_LONGEST_CLAUSE = 200
# Of the first clause, if it has a mark that early: what is short is heard soon.
_FIRST_CLAUSE = 40
# Frames of 25 ms that are decoded at once: of the first piece of a text, and at most. Memory goes
# with them, and the time for each frame a little: what is short stays in the processor's cache.
_FIRST_FRAMES, _LONGEST_FRAMES = 44, 96
# The model's own durations are stretched this far; beyond it, the audio is.
_SLOWEST, _FASTEST = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class _Task:
    """One call: whom to speak as, and how fast."""

    blend: Blend
    speed: float
    phonemize: Phonemizer


class KokoroModel:
    """A loaded Kokoro bundle.

    Attributes:
        config: Its numbers.
        sample_rate: Samples per second.
        voices: Names, the default first; several may be blended, `af_heart:0.6+af_bella:0.4`.
        voice_facts: Name → language, gender and grade.
        languages: ISO 639 codes.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs and the voices; the phonemes of a language when it is first spoken.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(KokoroConfig, manifest.config, "manifest.json: config")
        self.sample_rate = self.config.sample_rate
        self.voice_facts = self.config.voices
        self.voices = tuple(self.voice_facts)
        self.languages = manifest.languages
        self._folder, self._manifest = folder, manifest
        self._phonemizers: dict[str, Phonemizer] = {}
        self._rows = {name: row for row, name in enumerate(self.voices)}
        self._styles = open_styles(folder / manifest.asset("styles"), len(self.voices))
        # A piece is more than a thousand small steps: waking threads for each took about a tenth.
        self._encoder, self._decoder = (
            Session(
                folder / manifest.graph(role), spec, threads=threads, any_shape=True, spinning=True
            )
            for role, spec in (("encoder", graphs.ENCODER), ("decoder", graphs.DECODER))
        )

    def phonemizer(self, language: str) -> Phonemizer:
        """What turns sentences of a language into phonemes.

        Raises:
            OptionError: There is none for the language.
        """
        if language not in self._phonemizers:
            self._phonemizers[language] = open_phonemizer(
                language, self._folder, self._manifest, self.config.unknown_words
            )
        return self._phonemizers[language]

    def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Iterator[AudioChunk]:
        """Speaks a text, a clause or less at a time. Nothing in the model is random.

        Args:
            text: In the voice's language, of any length; what stands in `[[ ]]` is phonemes.
            **options: See `SpeakOptions`; `voice` may be a blend, `language` only the voice's
                own, and the model has no `steps` and no `guidance`.

        Raises:
            OptionError: An option's value is not allowed, or the model does not know it.
        """
        name = options.get("voice", self.voices[0])
        blend = parse_voice(name, self.voice_facts)
        check_language(options.get("language", blend.language), blend, self.voice_facts)
        chosen: SpeakOptions = {**options, "voice": name, "language": blend.language}
        settings = read_settings(
            chosen,
            voices=(name,),
            languages=(blend.language,),
            unknown=("steps", "solver", "guidance"),
            phonemes=self.config.phoneme_ids,
        )
        check_given(text, self.config.phoneme_ids)
        native = min(max(settings.speed, _SLOWEST), _FASTEST)
        task = _Task(blend, native, self.phonemizer(blend.language))
        chunks = stretched(self._clauses(text, task, settings), settings.speed / native)
        return settings.limited(chunks)

    def speak_phonemes(self, phonemes: str, *, voice: str = "", speed: float = 1.0) -> Array:
        """Samples of a phoneme string in one piece, silence included: (n,) float32.

        For tests and tools.
        """
        blend = parse_voice(voice or self.voices[0], self.voice_facts)
        ids = self._ids(phonemes)
        style = style_of(blend, self._styles, self._rows, len(ids))
        frames = self._encode(ids, style, speed)
        return self._decode(frames.feeds(0, len(frames)), style)

    def _clauses(self, text: str, task: _Task, settings: SpeakSettings) -> Iterator[AudioChunk]:
        pause, is_first = 0, True
        for sentence in sentences(text, settings.language, settings.lexicon):
            first = _FIRST_CLAUSE if is_first else None
            for clause in clauses(sentence, _LONGEST_CLAUSE, first=first):
                said = False
                for piece in self._pieces(clause, task, _FIRST_FRAMES if is_first else None):
                    # The pause before it, so that none is left at the end.
                    waveform = np.concatenate([np.zeros(pause, np.float32), piece])
                    yield AudioChunk(waveform, self.sample_rate, clause)
                    pause, is_first, said = 0, False, True
                if said:
                    pause = pause_samples(clause, task.speed, self.sample_rate)

    def _pieces(self, clause: str, task: _Task, first: int | None) -> Iterator[Array]:
        """Speech of a clause without silence around it; nothing if there is nothing to say."""
        for phonemes in clauses(task.phonemize(clause), self._styles.shape[1]):
            if not (ids := self._ids(phonemes)):
                continue
            style = style_of(task.blend, self._styles, self._rows, len(ids))
            frames = self._encode(ids, style, task.speed)
            ends = cuts(frames, first or _LONGEST_FRAMES, _LONGEST_FRAMES)
            decode = partial(self._decode, style=style)
            waveforms = spoken(frames, ends, decode, self.config.frame_samples, self.sample_rate)
            for end, waveform in zip(ends, waveforms, strict=True):
                is_last = end == ends[-1]
                piece = trimmed(waveform, self.sample_rate, start=end == ends[0], end=is_last)
                if len(piece):
                    yield piece

    def _ids(self, phonemes: str) -> list[int]:
        table = self.config.phoneme_ids
        return [table[phoneme] for phoneme in phonemes if phoneme in table]

    def _encode(self, ids: list[int], style: Array, speed: float) -> Frames:
        feeds: dict[str, Array] = {
            "input_ids": np.array([[0, *ids, 0]], np.int64),
            "style": style,
            "speed": np.array([speed], np.float32),
        }
        found = self._encoder.run(feeds)
        return Frames(
            text=found["aligned_text"],
            pitch=found["pitch"],
            energy=found["energy"],
            source=found["source"],
            frame_steps=self.config.frame_steps,
        )

    def _decode(self, feeds: dict[str, Array], style: Array) -> Array:
        found: Array = self._decoder.run({**feeds, "style": style})["waveform"][0]
        return found


def load(folder: Path, manifest: Manifest, *, threads: int) -> KokoroModel:
    """What the loader calls."""
    return KokoroModel(folder, manifest, threads=threads)
