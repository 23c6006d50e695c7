"""Voice and text → token ids → embeddings; codes of a frame → the next embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.errors import ModelError, OptionError
from edge_voice.manifest import Manifest
from edge_voice.models.voxtral_tts.config import VoxtralConfig
from edge_voice.models.voxtral_tts.tables import RowTable
from edge_voice.tokenizer import BytePairTokenizer

Array = np.ndarray[Any, np.dtype[Any]]


class Prompts:
    """Vocabulary and tables.

    A prompt is `begin_of_text begin_audio voice… text_begins text… text_ends begin_audio`; the
    state behind its last token is that of the first frame.
    """

    def __init__(self, folder: Path, manifest: Manifest, config: VoxtralConfig, width: int) -> None:
        """Opens them.

        Raises:
            ModelError: One is damaged, or does not fit the model.
        """
        self._config = config
        self._tokenizer = BytePairTokenizer(folder / manifest.asset("vocabulary"), config.pattern)
        self._text = RowTable(folder / manifest.asset("text_embeddings"), width)
        self._audio = RowTable(folder / manifest.asset("audio_embeddings"), width)
        self._voices = RowTable(folder / manifest.asset("voices"), width)
        limits = np.array(config.code_limits)
        self._limits = limits
        self._offsets = np.concatenate([[0], np.cumsum(limits)[:-1]])
        self._check(manifest)

    def voice(self, name: str) -> Array:
        """(rows, width) of a voice of the bundle."""
        names = list(self._config.voices)
        start = sum(self._config.voices[other] for other in names[: names.index(name)])
        return self._voices.rows(slice(start, start + self._config.voices[name]))

    def prefix_ids(self, rows: int) -> list[int]:
        """Token ids before the text, for a voice of so many rows."""
        return [
            self._config.begin_of_text,
            self._config.begin_audio,
            *[self._config.audio] * rows,
        ]

    def text_ids(self, text: str) -> list[int]:
        """Token ids of a text and what encloses it, as it is: nothing is normalised.

        Raises:
            OptionError: The text has a run of blanks so long that its pattern gives up.
        """
        special = self._config.special_tokens
        try:
            ranks = self._tokenizer.encode(text)
        except ValueError as error:
            raise OptionError(f"a text of {len(text)} characters: {error}") from None
        return [
            self._config.text_begins,
            *(special + rank for rank in ranks),
            self._config.text_ends,
            self._config.begin_audio,
        ]

    def prefix(self, voice: Array) -> Array:
        """Embeddings before the text."""
        return np.concatenate([self._text.rows(np.array(self.prefix_ids(0))), voice])

    def embed(self, ids: list[int]) -> Array:
        """(n, width) embeddings of tokens."""
        return self._text.rows(np.array(ids))

    def frame(self, codes: Array) -> Array:
        """(width,) embedding of a frame: the sum of one row for each of its codes."""
        return np.asarray(self._audio.rows(self._offsets + codes).sum(axis=0))

    def check_codes(self, codes: Any, lowest: int) -> Array:
        """(n, codebooks) codes as int64.

        Raises:
            OptionError: They have another shape, or one is out of its codebook.
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != len(self._limits) or codes.dtype.kind not in "iu":
            raise OptionError(
                f"codes of type {codes.dtype} and shape {list(codes.shape)}"
                f" (expected whole numbers of shape [frames, {len(self._limits)}])"
            )
        wrong = np.argwhere((codes < lowest) | (codes >= self._limits))
        if len(wrong):
            frame, book = wrong[0]
            raise OptionError(
                f"code {codes[frame, book]} in codebook {book} of frame {frame}"
                f" (allowed: {lowest} to {self._limits[book] - 1})"
            )
        return np.asarray(codes, np.int64)

    def _check(self, manifest: Manifest) -> None:
        tokens = self._config.special_tokens + len(self._tokenizer)
        needed = {
            "text_embeddings": (len(self._text), tokens),
            "audio_embeddings": (len(self._audio), int(self._limits.sum())),
            "voices": (len(self._voices), sum(self._config.voices.values())),
        }
        for role, (found, least) in needed.items():
            if found < least:
                raise ModelError(f"{manifest.asset(role)}: {found} rows, at least {least} needed")
