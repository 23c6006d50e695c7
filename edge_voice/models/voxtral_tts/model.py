"""Voxtral TTS as a `Synthesizer`: text in, chunks of audio out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np

from edge_voice import prepared
from edge_voice.errors import OptionError
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.voxtral_tts import graphs, voices
from edge_voice.models.voxtral_tts.acoustic import AcousticTransformer
from edge_voice.models.voxtral_tts.backbone import Backbone
from edge_voice.models.voxtral_tts.codec import CodecStream
from edge_voice.models.voxtral_tts.config import (
    END_AUDIO,
    SPECIAL_CODES,
    VoxtralConfig,
    language_of,
)
from edge_voice.models.voxtral_tts.frames import FrameLoop
from edge_voice.models.voxtral_tts.passages import Passage, check_script, passages
from edge_voice.models.voxtral_tts.prompt import Prompts
from edge_voice.models.voxtral_tts.settings import (
    Sampling,
    checked_noise,
    read_sampling,
    refuse_cloning,
)
from edge_voice.models.voxtral_tts.speech import chunked, first_good_attempt
from edge_voice.session import Session
from edge_voice.speak_options import read_settings
from edge_voice.speech_edges import pause_samples
from edge_voice.synthesizer import AudioChunk, SpeakOptions
from edge_voice.text import sentences
from edge_voice.text.given import check_given
from edge_voice.text.user_lexicon import UserLexicon
from edge_voice.time_stretch import stretched

Array = np.ndarray[Any, np.dtype[Any]]

_SAMPLING = ("steps", "guidance", "seed", "solver")
_RAMP_SECONDS = 0.005  # so that speech that is cut off ends without a click


class VoxtralModel:
    """A loaded Voxtral TTS bundle; one text is spoken at a time.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts.
        sample_rate: Samples per second.
        backbone: The language model and its cache.
        acoustic: Makes a frame's codes from a hidden state.
        prompts: Vocabulary and embeddings.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens graphs and tables.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(VoxtralConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        self.sample_rate = self.config.sample_rate
        self._folder, self._manifest = folder, manifest
        files = {role: manifest.graph(role) for role in ("backbone", "head", "velocity", "time")}
        path = folder / files["backbone"]
        session = Session(path, graphs.BACKBONE, threads=threads, spinning=True)
        self.backbone = Backbone(session, self.config.max_positions)
        self.acoustic = AcousticTransformer(folder, files, self.config, threads)
        self._codec = Session(folder / manifest.graph("codec"), graphs.CODEC, threads=threads)
        self._codec.check_size("audio_codes", 1, len(self.config.code_limits))
        self.prompts = Prompts(folder, manifest, self.config, self.backbone.width)
        self._frames = FrameLoop(self.backbone, self.acoustic, self.prompts, self._prepared)

    # For people

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that `voice` accepts, the default first."""
        return (*self.config.voices, *self._frames.added)

    def synthesize(self, text: str, **options: Unpack[SpeakOptions]) -> Iterator[AudioChunk]:
        """Speaks a text of any length; yields audio as soon as there is some.

        The same text, options and bundle give the same samples.

        Args:
            text: What to say.
            **options: See `SpeakOptions`. `voice` may also be a file of voice rows (`.npy` or
                `.safetensors`); `language` picks a voice where none is named.

        Raises:
            OptionError: An option's value is not allowed, or there is nothing to say.
        """
        refuse_cloning(options)
        common = cast(SpeakOptions, {k: v for k, v in options.items() if k != "voice"})
        settings = read_settings(common, voices=self.voices, languages=self.languages)
        voice = self._voice(options.get("voice"), options.get("language"))
        numbers = {k: v for k, v in options.items() if k in _SAMPLING}
        sampling = read_sampling(self.config, **cast(dict[str, Any], numbers))
        language = options.get("language") or language_of(voice)
        spoken = passages(_speakable(text, language, self.languages, settings.lexicon))
        chunks = self._speak(spoken, voice, sampling)
        return settings.limited(stretched(chunks, settings.speed))

    def add_voice(self, name: str, rows: str | os.PathLike[str] | Array) -> None:
        """Adds a voice of one's own for as long as the model is loaded.

        Args:
            name: What `voice` will call it.
            rows: (n, width) embeddings, or a `.npy` or `.safetensors` file of them.

        Raises:
            OptionError: The name is taken, or the rows are not such a table.
        """
        if name in self.config.voices:
            raise OptionError(f"voice {name!r} is one of the bundle's own (choose another name)")
        if isinstance(rows, np.ndarray):
            self._frames.added[name] = voices.checked_rows(rows, self.backbone.width, name)
        else:
            voices.refuse_recording(os.fspath(rows))
            self._frames.added[name] = voices.read_rows(rows, self.backbone.width)
        self.forget()

    def prepare_voice(self, name: str) -> int:
        """Stores what the backbone makes of a voice in the bundle: speech then starts earlier.

        A voice that is prepared already is left as it is.

        Args:
            name: One of `voices`, or a file of rows.

        Returns:
            Bytes that it takes.

        Raises:
            OptionError: There is no such voice.
            StoreError: The bundle cannot be written.
        """
        name = self._voice(name, None)
        if self._prepared(name) is None:
            self._frames.feed_prefix(name, 0)
            state, rows = self.backbone.cache.snapshot(), self._frames.rows(name)
            self._manifest = prepared.save(self._folder, self._manifest, name, rows, state)
            self.forget()  # the stored one is rounded: speak with that from now on
        return prepared.sizes(self._manifest)[prepared.label(name)]

    # For tests and tools

    def prompt_ids(self, text: str, voice: str) -> list[int]:
        """Token ids of a whole prompt; the text is not normalised."""
        rows = len(self._frames.rows(self._voice(voice, None)))
        return self.prompts.prefix_ids(rows) + self.prompts.text_ids(text)

    def frames(
        self,
        text: str,
        voice: str,
        *,
        noise: Array | None = None,
        max_frames: int | None = None,
        normalize: bool = True,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        solver: str = "euler",
    ) -> Iterator[Array]:
        """Codes of a text that is spoken in one go, frame by frame.

        Args:
            text: What to say.
            voice: Name of a voice.
            noise: (frames, codebooks) standard normal numbers; drawn by `seed` without them.
            max_frames: Most frames; by default what is plausible for the text, and no more than
                there is noise.
            normalize: Whether the text is cleaned as `synthesize` does.
            seed: Makes the noise repeatable.
            steps: Steps of the solver; the checkpoint's own number by default.
            guidance: Strength of classifier-free guidance; the checkpoint's own by default.
            solver: `euler`, or `ab2`, which is as exact in fewer steps.

        Yields:
            (1 + codebooks,) int64 with the special offset; the end itself is not yielded.

        Raises:
            OptionError: An option's value is not allowed, or there is nothing to say.
        """
        voice = self._voice(voice, None)
        if normalize:
            text = " ".join(_speakable(text, language_of(voice), self.languages))
        limit = Passage.of(text).most_frames if max_frames is None else max_frames
        if noise is not None:
            noise = checked_noise(noise, self.config.acoustic_codebooks)
            limit = min(limit, len(noise))
        sampling = read_sampling(
            self.config, steps=steps, guidance=guidance, seed=seed, solver=solver
        )
        rows = self._noise((seed, 0, 0)) if noise is None else iter(noise)
        return self._frames(text, voice, rows, limit, sampling)

    def decode_codes(self, codes: Array) -> Array:
        """Samples of (frames, 1 + codebooks) codes with the special offset.

        Frames from the first end of speech on are left out. Not clipped.

        Raises:
            OptionError: A code is out of its codebook, or there are not so many codebooks.
        """
        codes = np.asarray(codes)
        if codes.ndim == 2 and len(ends := np.flatnonzero(codes[:, :1] == END_AUDIO)):
            codes = codes[: ends[0]]
        checked = self.prompts.check_codes(codes, SPECIAL_CODES)
        return CodecStream(self._codec).decode(checked - SPECIAL_CODES)

    def forget(self) -> None:
        """Empties the backbone's cache: what comes next starts from nothing."""
        self._frames.forget()

    # One text

    def _speak(
        self, spoken: Iterator[Passage], voice: str, sampling: Sampling
    ) -> Iterator[AudioChunk]:
        pause = 0
        for number, passage in enumerate(spoken):
            for waveform in self._passage(passage, voice, sampling, number):
                silence = np.zeros(pause, np.float32)  # before it, so that none is left at the end
                pause = 0
                whole = np.concatenate([silence, waveform])
                yield AudioChunk(whole, self.sample_rate, passage.text)
            pause = pause_samples(passage.text, 1.0, self.sample_rate)

    def _passage(
        self, passage: Passage, voice: str, sampling: Sampling, number: int
    ) -> Iterator[Array]:
        def start(attempt: int) -> Iterator[Array]:
            noise = self._noise((sampling.seed, number, attempt))
            return self._frames(passage.text, voice, noise, passage.most_frames, sampling)

        stream = CodecStream(self._codec)
        last = np.zeros(1, np.float32)
        attempt = first_good_attempt(start, passage, first=number == 0)
        for codes in chunked(attempt):
            last = np.clip(stream.decode(codes - SPECIAL_CODES), -1, 1)
            yield last
        ramp = np.linspace(1, 0, round(_RAMP_SECONDS * self.sample_rate), dtype=np.float32)
        yield last[-1] * ramp

    def _prepared(self, voice: str) -> Array | None:
        return prepared.load(self._folder, self._manifest, voice, self._frames.rows(voice))

    def _noise(self, seed: tuple[int, ...]) -> Iterator[Array]:
        generator = np.random.default_rng(seed)
        while True:
            yield generator.standard_normal(self.config.acoustic_codebooks, np.float32)

    def _voice(self, name: str | os.PathLike[str] | None, language: str | None) -> str:
        """The voice that is meant; one that is a file is added first."""
        if name is None:
            code = None if language is None else language.lower().partition("-")[0]
            return next(v for v in self.config.voices if code in (None, language_of(v)))
        name = voices.checked_name(name)
        if name in self.voices or name.lower() in self.config.voices:
            return name if name in self.voices else name.lower()
        voices.refuse_recording(name)
        if not name.endswith(voices.ROW_SUFFIXES):
            known = ", ".join(self.voices)
            also = " or ".join(voices.ROW_SUFFIXES)
            raise OptionError(f"unknown voice {name!r} (known: {known}; or a {also} file of rows)")
        self.add_voice(name, name)
        return name


def _speakable(
    text: str, language: str, languages: tuple[str, ...], lexicon: UserLexicon | None = None
) -> Iterator[str]:
    """Sentences of a text that has some.

    Raises:
        OptionError: There is nothing to say, or it is in a script that no voice speaks, or in
            phonemes.
    """
    check_given(text, ())
    check_script(text, languages)
    found = sentences(text, language, lexicon)
    first = next(found, None)
    if first is None:
        raise OptionError("nothing to say: the text has no letters and no digits")
    return chain([first], found)


def load(folder: Path, manifest: Manifest, *, threads: int) -> VoxtralModel:
    """What the loader calls."""
    return VoxtralModel(folder, manifest, threads=threads)
