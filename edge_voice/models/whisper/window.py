"""One window of audio: prompt, decoding, and second tries when the result looks wrong."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_voice.alignment import token_starts
from edge_voice.decoding import Hypothesis, LoopGuard, decode
from edge_voice.decoding_options import DecodingOptions
from edge_voice.errors import ManifestError
from edge_voice.models.whisper.config import SECONDS_PER_POSITION, WhisperConfig
from edge_voice.models.whisper.rules import window_rules
from edge_voice.sampling import Sampler, log_sum_exp
from edge_voice.seq2seq import Decoder, Encoded, attention_heads
from edge_voice.session import Session
from edge_voice.tokenizer import BytePairTokenizer

Array = np.ndarray[Any, np.dtype[Any]]

# The gates of the reference's `transcribe` (openai-whisper 20250625).
_COMPRESSION_RATIO = 2.4
_AVG_LOGPROB = -1.0
_NO_SPEECH = 0.6
# A result from a shortened window is taken on trust only if it is better than these.
_TRUSTED_LOGPROB = -0.6
_ECHO_BYTES = 16
_ECHO_WITHIN_BYTES = 64
# Nobody speaks faster: quick English needs 6 tokens a second, Burmese (three bytes a letter,
# hardly merged) about 25, and each segment two timestamps.
_TOKENS_PER_SECOND = 32
_TOKENS_AT_LEAST = 32
_GREEDY = DecodingOptions()
# Heads chosen in each window give better word times than the published ones (benchmarks/
# word_times.py; tiny.en: 77 % of the starts within 0.1 s against 45 %), but all heads have to be
# looked at, and medium has 384.
_MOST_HEADS = 160


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stands before the transcript.

    Attributes:
        previous: Tokens of earlier text; the last ones that fit are used.
        language: ISO 639 code; ignored by English-only checkpoints.
        task: `transcribe` or `translate`.
        timestamps: Whether timestamp tokens are wanted.
        words: Whether the time of each word is wanted; stands in no prompt.
    """

    previous: tuple[int, ...] = ()
    language: str | None = None
    task: str = "transcribe"
    timestamps: bool = True
    words: bool = False

    def tokens(self, config: WhisperConfig) -> tuple[list[int], int]:
        """The prompt, and the place of the start token in it."""
        room = config.text_positions // 2 - 1
        tokens = [config.start_of_previous, *self.previous[-room:]] if self.previous else []
        start = len(tokens)
        tokens.append(config.start_of_transcript)
        if config.multilingual:
            tokens.append(config.language_tokens[self.language or "en"])
            tokens.append(config.translate if self.task == "translate" else config.transcribe)
        if not self.timestamps:
            tokens.append(config.no_timestamps)
        return tokens, start


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What was heard in a window.

    Attributes:
        tokens: Without prompt and end token.
        avg_logprob: Mean natural-log probability of the tokens, the end token counted.
        no_speech_prob: Probability in 0..1 that nothing is said.
        temperature: Temperature that produced it.
        compression_ratio: Bytes of text ÷ bytes when compressed: high for loops.
        looped: A loop was cut.
        echoes: A phrase is soon said again.
        language: ISO 639 code of the prompt.
        logprobs: Natural-log probability of each token.
        starts: Second in the window at which each token that is text starts, and the end of the
            last one; empty unless words were wanted.
    """

    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    temperature: float
    compression_ratio: float
    looped: bool
    echoes: bool
    language: str | None
    logprobs: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()

    @property
    def suspicious(self) -> bool:
        """Worth a second look through a full window, if this one was shortened.

        Whisper was trained on windows of 30 s. In shorter ones it sometimes says the last phrase
        again, or loses the thread, and then it is less sure of itself.
        """
        return self.doubtful or self.echoes or self.avg_logprob < _TRUSTED_LOGPROB

    @property
    def silent(self) -> bool:
        """Probably no speech, and no confidence in the words either."""
        return self.no_speech_prob > _NO_SPEECH and self.avg_logprob < _AVG_LOGPROB

    @property
    def doubtful(self) -> bool:
        """Worth a second try at a higher temperature."""
        return not self.silent and (self.looping or self.avg_logprob < _AVG_LOGPROB)

    @property
    def looping(self) -> bool:
        """It says the same over and over."""
        return self.looped or self.compression_ratio > _COMPRESSION_RATIO


class WindowDecoder:
    """Decodes encoded windows with one decoder graph.

    Attributes:
        alignment_heads: Heads of cross-attention that word times come from; if there are none,
            they are chosen in each window by what they do.
    """

    def __init__(
        self, session: Session, config: WhisperConfig, tokenizer: BytePairTokenizer
    ) -> None:
        """Decides which heads of cross-attention to look at.

        Raises:
            ManifestError: The graph has no such heads.
        """
        self._session = session
        self._config = config
        self._tokenizer = tokenizer
        heads = attention_heads(session)
        if wrong := [head for head in config.alignment_heads if head not in heads]:
            raise ManifestError(
                f"manifest.json: config: alignment_heads has {wrong[0]} (the graph has heads"
                f" {heads[0]} to {heads[-1]})"
            )
        self.alignment_heads = () if len(heads) <= _MOST_HEADS else config.alignment_heads

    def detect_language(
        self, encoded: Encoded, languages: Sequence[str] | None = None
    ) -> tuple[str, float]:
        """The likeliest of the languages, or of all, and its probability in 0..1 among them."""
        config = self._config
        decoder = self._decoder(encoded, rows=1, capacity=1)
        prompt = np.array([[config.start_of_transcript]])
        logits = decoder.prefill(prompt, np.zeros(1, np.int64))[0, 0]
        codes = list(languages or config.language_tokens)
        scores = logits[[config.language_tokens[code] for code in codes]]
        best = int(scores.argmax())
        return codes[best], float(np.exp(scores[best] - log_sum_exp(scores)))

    def greedy(self, encoded: Encoded, prompt: Prompt, max_new_tokens: int) -> list[int]:
        """Plain greedy decoding: no rules, no guards; the end token, if reached, is included."""
        logits, decoder = self._prefill(encoded, prompt, rows=1, max_new_tokens=max_new_tokens)
        (row,) = decode(
            decoder.step,
            logits[:, -1],
            sampler=Sampler(),
            end_token=self._config.end_of_text,
            max_new_tokens=max_new_tokens,
        )
        return [*row.tokens, self._config.end_of_text] if row.complete else row.tokens

    def attempt(
        self,
        encoded: Encoded,
        prompt: Prompt,
        *,
        seconds: Sequence[float],
        temperature: float,
        decoding: DecodingOptions = _GREEDY,
    ) -> list[WindowResult]:
        """Decodes a batch of windows side by side, once.

        Args:
            encoded: The windows.
            prompt: What stands before each transcript.
            seconds: Length of each window's audio without padding.
            temperature: 0 is greedy or beam search; above, the best of several samples counts.
            decoding: How tokens are chosen.
        """
        config = self._config
        width, beams = decoding.rows(temperature), decoding.uses_beams(temperature)
        rows = width * encoded.batch
        cap = min(
            config.text_positions // 2,
            _TOKENS_AT_LEAST + int(max(seconds) * _TOKENS_PER_SECOND),
        )
        logits, decoder = self._prefill(encoded, prompt, rows=rows, max_new_tokens=cap)
        at_start = logits[::width, 0]
        no_speech = np.exp(at_start[:, config.no_speech] - log_sum_exp(at_start))
        rules = [window_rules(config, timestamps=prompt.timestamps, seconds=s) for s in seconds]
        best = decoding.search(
            decoder,
            logits[:, -1].copy(),
            temperature=temperature,
            end_token=config.end_of_text,
            max_new_tokens=min(cap, config.text_positions - decoder.cache.length),
            row_rules=[rules[i // width] for i in range(rows)],
            guard=LoopGuard(words_end=config.first_timestamp),
            words_end=config.first_timestamp,
        )
        return [
            self._result(row, float(chance), temperature, prompt.language, beams)
            for row, chance in zip(best, no_speech, strict=True)
        ]

    def timed(
        self, encoded: Encoded, result: WindowResult, prompt: Prompt, seconds: float
    ) -> WindowResult:
        """Finds out when each token of a result was spoken.

        Args:
            encoded: One window.
            result: What was heard in it.
            prompt: What stood before the transcript.
            seconds: Length of the window's audio without padding.
        """
        config = self._config
        text = [token for token in result.tokens if token < len(self._tokenizer)]
        if not text:
            return result
        before, _ = replace(prompt, previous=(), timestamps=False).tokens(config)
        decoder = self._decoder(encoded, rows=1, capacity=len(before) + len(text))
        starts = token_starts(
            decoder,
            np.array([*before, *text]),
            first=len(before) - 1,
            positions=math.ceil(seconds / SECONDS_PER_POSITION),
            heads=self.alignment_heads,
        )
        limited = np.minimum(starts * SECONDS_PER_POSITION, seconds)
        return replace(result, starts=tuple(limited.tolist()))

    def _prefill(
        self, encoded: Encoded, prompt: Prompt, *, rows: int, max_new_tokens: int
    ) -> tuple[Array, Decoder]:
        """Logits (rows, 2, vocabulary) at the start token and at the prompt's end."""
        tokens, start = prompt.tokens(self._config)
        decoder = self._decoder(encoded, rows=rows, capacity=len(tokens) + max_new_tokens)
        wanted = np.array([start, len(tokens) - 1])
        return decoder.prefill(np.tile(np.array(tokens), (rows, 1)), wanted), decoder

    def _decoder(self, encoded: Encoded, *, rows: int, capacity: int) -> Decoder:
        return Decoder(
            self._session,
            encoded,
            text_positions=self._config.text_positions,
            rows=rows,
            capacity=capacity,
        )

    def _result(
        self,
        best: Hypothesis,
        no_speech: float,
        temperature: float,
        language: str | None,
        beams: bool,
    ) -> WindowResult:
        text = self._tokenizer.decode(best.tokens).strip().encode()
        # What is said twice is likely the second time: beams look for that, and say it all again.
        within = len(text) if beams else _ECHO_WITHIN_BYTES
        return WindowResult(
            tokens=tuple(best.tokens),
            avg_logprob=best.avg_logprob,
            no_speech_prob=no_speech,
            temperature=temperature,
            compression_ratio=len(text) / len(zlib.compress(text)) if text else 0.0,
            looped=best.looped,
            echoes=has_echo(text, within),
            language=language,
            logprobs=tuple(best.logprobs[: len(best.tokens)]),
        )


def has_echo(text: bytes, within_bytes: int = _ECHO_WITHIN_BYTES) -> bool:
    """Whether some phrase of 16 bytes or more is soon said again, whatever its case."""
    text = text.lower()
    last_seen: dict[bytes, int] = {}
    for i in range(len(text) - _ECHO_BYTES + 1):
        phrase = text[i : i + _ECHO_BYTES]
        if i - last_seen.get(phrase, -within_bytes) < within_bytes:
            return True
        last_seen[phrase] = i
    return False
