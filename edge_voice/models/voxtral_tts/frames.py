"""The loop over frames: voice and text go in once, then each frame's codes make the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from edge_voice.errors import ModelError, OptionError
from edge_voice.models.voxtral_tts.acoustic import AcousticTransformer
from edge_voice.models.voxtral_tts.backbone import Backbone
from edge_voice.models.voxtral_tts.config import END_AUDIO
from edge_voice.models.voxtral_tts.prompt import Prompts
from edge_voice.models.voxtral_tts.settings import Sampling

Array = np.ndarray[Any, np.dtype[Any]]


class FrameLoop:
    """Speaks one text after another and keeps what the backbone made of the last voice.

    Attributes:
        added: Voices that are not the bundle's own: name → (rows, width) embeddings.
    """

    def __init__(
        self,
        backbone: Backbone,
        acoustic: AcousticTransformer,
        prompts: Prompts,
        load_prefix: Callable[[str], Array | None],
    ) -> None:
        """Takes the parts.

        Args:
            backbone: The language model.
            acoustic: Makes codes of hidden states.
            prompts: Vocabulary and embeddings.
            load_prefix: Voice → its prepared prefix, or None.
        """
        self._backbone = backbone
        self._acoustic = acoustic
        self._prompts = prompts
        self._load_prefix = load_prefix
        self.added: dict[str, Array] = {}
        self._prefix: str | None = None  # the voice that the cache begins with
        self._turn = 0  # counts what was begun to be spoken

    def rows(self, voice: str) -> Array:
        """(rows, width) embeddings of a voice."""
        return self.added[voice] if voice in self.added else self._prompts.voice(voice)

    def forget(self) -> None:
        """Empties the backbone's cache: what comes next starts from nothing."""
        self._backbone.truncate(0)
        self._prefix = None

    def feed_prefix(self, voice: str, further: int) -> None:
        """Makes the cache hold a voice's prefix and nothing else, with room for more."""
        rows = self.rows(voice)
        length = len(self._prompts.prefix_ids(len(rows)))
        if self._prefix != voice:
            self._backbone.truncate(0)
        self._backbone.truncate(length)
        self._prefix = None  # until it is whole
        self._backbone.reserve(length + further)
        if self._backbone.length < length:
            saved = self._load_prefix(voice)
            if saved is None:
                self._backbone.prefill(self._prompts.prefix(rows))
            else:
                self._restore(voice, saved, length)
        self._prefix = voice

    def _restore(self, voice: str, saved: Array, length: int) -> None:
        try:
            self._backbone.cache.restore(saved)
        except OptionError as error:
            raise ModelError(f"prepared voice {voice!r}: {error}") from None
        if self._backbone.length != length:
            raise ModelError(
                f"prepared voice {voice!r}: {self._backbone.length} positions, expected {length}"
            )

    def __call__(
        self, text: str, voice: str, noise: Iterator[Array], limit: int, sampling: Sampling
    ) -> Iterator[Array]:
        """Frames of a text up to its end.

        Args:
            text: What to say, as it is.
            voice: Whose voice.
            noise: (codebooks,) standard normal numbers for each frame.
            limit: Most frames.
            sampling: How they are drawn.

        Yields:
            (1 + codebooks,) codes with the special offset.

        Raises:
            OptionError: Text and speech do not fit, or another text was begun meanwhile.
        """
        self._turn = turn = self._turn + 1
        ids = self._prompts.text_ids(text)
        self.feed_prefix(voice, len(ids) + limit)
        hidden = self._backbone.prefill(self._prompts.embed(ids))
        for made, row in zip(range(limit), noise, strict=False):
            codes = self._acoustic.frame(
                hidden,
                row,
                steps=sampling.steps,
                guidance=sampling.guidance,
                solver=sampling.solver,
            )
            if codes[0] == END_AUDIO:
                return
            yield codes
            if self._turn != turn:
                raise OptionError("another text was begun: a loaded model speaks one at a time")
            if made + 1 < limit:
                hidden = self._backbone.step(self._prompts.frame(codes))
