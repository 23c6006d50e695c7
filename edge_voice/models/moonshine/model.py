"""Moonshine as a `Transcriber`: audio in, segments out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Unpack

import numpy as np

from edge_voice import merged
from edge_voice.audio import MAX_SECONDS, AudioInput, AudioStream, open_stream
from edge_voice.chunked import ChunkReader
from edge_voice.listener import Listener, ListenerLimits, NewDecoder, biased_decoders
from edge_voice.manifest import Manifest, from_dict
from edge_voice.models.moonshine import graphs
from edge_voice.models.moonshine.config import (
    SAMPLE_RATE,
    SECONDS_PER_POSITION,
    MoonshineConfig,
    long_enough,
    positions_of,
)
from edge_voice.models.moonshine.settings import Settings, read_settings
from edge_voice.pieces import PieceTokenizer
from edge_voice.results import Segment, Transcript
from edge_voice.seq2seq import Encoded, Encoder
from edge_voice.session import Session
from edge_voice.transcriber import SegmentStream, TranscribeOptions, wanted_language
from edge_voice.vad import ChunkRules, SpeechChunk, VoiceActivity, speech_chunks

Array = np.ndarray[Any, np.dtype[Any]]

# It was trained on clips of 4 to 30 s.
_TARGET_SECONDS = 8.0
_LONGEST_SECONDS = 30.0
# Rows of a step: chunks that are decoded side by side, or the beams of fewer of them.
_ROWS = 4
# A short clip may hold more tokens than its length suggests: "OK, two, three".
_TOKENS_AT_LEAST = 10
_FEATURES = "input_values"


class MoonshineModel:
    """A loaded Moonshine bundle.

    Attributes:
        config: The checkpoint's numbers.
        languages: ISO 639 codes that `language` accepts.
        chunk_rules: How recordings are cut.
        listener: Hears chunks.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int) -> None:
        """Opens the graphs, our own or published ones.

        Raises:
            ModelError: A file is damaged or does not fit the code.
        """
        self.config = from_dict(MoonshineConfig, manifest.config, "manifest.json: config")
        self.languages = manifest.languages
        self.chunk_rules = ChunkRules(
            target_chunk_seconds=_TARGET_SECONDS, max_chunk_seconds=_LONGEST_SECONDS
        )
        self._tokenizer = PieceTokenizer(folder / manifest.asset("vocabulary"))
        self._is_published = merged.DECODER_ROLE in manifest.graphs
        open_graphs = _open_published if self._is_published else _open_own
        self._encode, new_decoder = open_graphs(folder, manifest, self.config, threads)
        self.listener = Listener(
            self._encode,
            new_decoder,
            ListenerLimits(
                sample_rate=SAMPLE_RATE,
                seconds_per_position=SECONDS_PER_POSITION,
                text_positions=self.config.text_positions,
                end_of_text=self.config.end_of_text,
                tokens_per_second=self.config.tokens_per_second,
                tokens_at_least=_TOKENS_AT_LEAST,
            ),
        )

    # For people

    def transcribe(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> Transcript:
        """Transcribes a whole recording; see `stream`."""
        return self.stream(audio, **options).join()

    def stream(self, audio: AudioInput, **options: Unpack[TranscribeOptions]) -> SegmentStream:
        """Transcribes a recording segment by segment, in bounded memory.

        Args:
            audio: Path, bytes, binary file or array of samples.
            **options: See `TranscribeOptions`. Without voice activity all of the audio is taken
                for one piece of speech, and may be 30 s long: where nobody speaks, text would be
                invented.

        Raises:
            AudioError: The audio cannot be used; also while iterating.
            OptionError: An option's value is not allowed.
        """
        settings = read_settings(
            options, self.languages, self._tokenizer, tells_times=not self._is_published
        )
        stream = SegmentStream()
        stream.language = wanted_language(options) or self.languages[0]
        stream.language_probability = 1.0
        blocks = open_stream(
            audio,
            sample_rate=SAMPLE_RATE,
            source_rate=options.get("sample_rate"),
            max_seconds=MAX_SECONDS if settings.vad else _LONGEST_SECONDS,
        )
        return stream.attach(self._segments(blocks, settings, stream))

    # For tests and tools

    def encode(self, waveform: Array) -> Array:
        """Hidden states of one clip: (n,) float32 at 16 kHz → (positions, width)."""
        return np.asarray(np.asarray(self._encode([waveform], hidden_states=True).hidden_states)[0])

    def generate(self, waveform: Array, max_new_tokens: int | None = None) -> list[int]:
        """Plain greedy ids of one clip, the start token included: no guards, no voice activity.

        Args:
            waveform: (n,) float32 at 16 kHz.
            max_new_tokens: As many as the decoder has room for by default.

        Returns:
            Ids, the end token included when it was reached.
        """
        count = self.config.text_positions if max_new_tokens is None else max_new_tokens
        return self.listener.greedy(waveform, [self.config.start_of_text], count)

    # One recording

    def _segments(
        self, blocks: AudioStream, settings: Settings, stream: SegmentStream
    ) -> Iterator[Segment]:
        reader = ChunkReader(
            self.listener,
            self._tokenizer,
            [self.config.start_of_text],
            settings.decoding,
            settings.timestamps,
            vad=settings.vad,
            rows=1 if self._is_published else _ROWS,
        )
        with blocks:
            counted = stream.counted(blocks, SAMPLE_RATE)
            if settings.vad:
                chunks = speech_chunks(counted, VoiceActivity(), self.chunk_rules)
            else:
                chunks = _one_chunk(counted)
            yield from reader.segments(chunks, stream)
        stream.position = stream.duration


def _one_chunk(blocks: Iterable[Array]) -> Iterator[SpeechChunk]:
    """All of a short recording, taken for speech."""
    waveform = np.concatenate(list(blocks))
    yield SpeechChunk(0, waveform, ((0, len(waveform)),))


class _EncodeClips(Protocol):
    """Encodes the samples of clips, with or without hidden states."""

    def __call__(self, waveforms: Sequence[Array], *, hidden_states: bool = False) -> Encoded: ...


def _open_own(
    folder: Path, manifest: Manifest, config: MoonshineConfig, threads: int
) -> tuple[_EncodeClips, NewDecoder]:
    session = Session(
        folder / manifest.graph("encoder"),
        graphs.ENCODER,
        threads=threads,
        any_shape=True,
        spinning=True,
    )
    decoder = Session(
        folder / manifest.graph("decoder"), graphs.DECODER, threads=threads, spinning=True
    )
    decoder.check_size("logits", 2, config.vocabulary)
    encoder = Encoder(session, positions_of)

    def encode(waveforms: Sequence[Array], *, hidden_states: bool = False) -> Encoded:
        return encoder([*map(long_enough, waveforms)], hidden_states=hidden_states)

    return encode, biased_decoders(decoder, config.text_positions)


def _open_published(
    folder: Path, manifest: Manifest, config: MoonshineConfig, threads: int
) -> tuple[_EncodeClips, NewDecoder]:
    spec = merged.encoder_spec(_FEATURES)
    session = Session(
        folder / manifest.graph(merged.ENCODER_ROLE),
        spec,
        threads=threads,
        any_shape=True,
        spinning=True,
    )
    decoder = Session(
        folder / manifest.graph(merged.DECODER_ROLE),
        merged.DECODER,
        threads=threads,
        spinning=True,
    )
    decoder.check_size("logits", 2, config.vocabulary)
    encoder = merged.merged_encoder(session, _FEATURES)

    def encode(waveforms: Sequence[Array], *, hidden_states: bool = True) -> Encoded:
        return encoder([*map(long_enough, waveforms)])

    def new_decoder(encoded: Encoded, rows: int, capacity: int) -> merged.MergedDecoder:
        return merged.MergedDecoder(decoder, encoded, rows)

    return encode, new_decoder


def load(folder: Path, manifest: Manifest, *, threads: int) -> MoonshineModel:
    """What the loader calls."""
    return MoonshineModel(folder, manifest, threads=threads)
