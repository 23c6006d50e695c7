"""Encoder-decoder models as optimum exports them and transformers.js runs them: two graphs, of
which the decoder holds both its first call and all later ones, chosen by an input.

They are run as published. Compared with graphs of our own builder the cache is copied at each
step, there is no place for clips of different lengths side by side, and where the decoder looks
cannot be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edge_voice.graph import GraphSpec, expand
from edge_voice.seq2seq import Encoded
from edge_voice.session import Session

Array = np.ndarray[Any, np.dtype[Any]]

ENCODER_ROLE, DECODER_ROLE = "encoder_model", "decoder_model_merged"
"""Roles of the graphs in a manifest, which are also how their files are called."""

_OWN = tuple(f"{{}}.{{i}}.decoder.{kind}" for kind in ("key", "value"))
_CROSS = tuple(f"{{}}.{{i}}.encoder.{kind}" for kind in ("key", "value"))
_MASK = "encoder_attention_mask"
_PAST, _PRESENT = "past_key_values", "present"

DECODER = GraphSpec(
    inputs=(
        "input_ids",  # (rows, n) int64
        "encoder_hidden_states",  # (rows, positions, width)
        # (rows, heads, tokens so far, head size), and of the audio (rows, heads, positions, …)
        *(_PAST + name.removeprefix("{}") for name in (*_OWN, *_CROSS)),
        "use_cache_branch",  # (1,) bool: whether the past counts
    ),
    outputs=(
        "logits",  # (rows, n, vocabulary)
        *(_PRESENT + name.removeprefix("{}") for name in (*_OWN, *_CROSS)),
    ),
    optional=(_MASK,),  # (rows, positions, or what the encoder's mask has) int64
)


def encoder_spec(features: str) -> GraphSpec:
    """The names of an encoder whose input is called `features`."""
    return GraphSpec(
        inputs=(features,), outputs=("last_hidden_state",), optional=("attention_mask",)
    )


def merged_encoder(session: Session, features: str) -> Callable[[Sequence[Array]], Encoded]:
    """Encodes one clip: what is called `features` in the graph → hidden states, and its mask."""

    def encode(clips: Sequence[Array]) -> Encoded:
        [clip] = clips
        feeds: dict[str, Array] = {features: np.ascontiguousarray(clip[None], np.float32)}
        masks: dict[str, Array] = {}
        if session.takes("attention_mask"):
            masks = {_MASK: np.ones((1, clip.shape[-1]), np.int64)}
            feeds["attention_mask"] = masks[_MASK]
        hidden = session.run(feeds)["last_hidden_state"]
        return Encoded(hidden, masks, (hidden.shape[1],))

    return encode


class MergedCache:
    """What a merged decoder gave back and wants to be given again.

    Attributes:
        arrays: By the name of the input.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.arrays = arrays

    def reorder(self, source_rows: Array) -> None:
        """Row i becomes what row `source_rows[i]` was; the audio is the same for all rows."""
        if np.array_equal(source_rows, np.arange(len(source_rows))):
            return
        for name, array in self.arrays.items():
            if ".decoder." in name:
                self.arrays[name] = array[source_rows]


class MergedDecoder:
    """Token ids → logits, for one clip.

    Attributes:
        cache: Keys and values, of the audio too.
    """

    def __init__(self, session: Session, encoded: Encoded, rows: int = 1) -> None:
        """Looks at the sizes of the graph.

        Args:
            session: Its names are those of `DECODER`.
            encoded: With hidden states, of one clip.
            rows: Hypotheses.
        """
        self._session = session
        hidden = np.repeat(np.asarray(encoded.hidden_states), rows, axis=0)
        self._fixed: dict[str, Array] = {"encoder_hidden_states": hidden}
        if session.takes(_MASK):
            # What the encoder was given, or one for each position where it was given none.
            mask = encoded.cross.get(_MASK, np.ones((1, hidden.shape[1]), np.int64))
            self._fixed[_MASK] = np.repeat(mask, rows, axis=0)
        self._own = expand([name.replace("{}", _PRESENT) for name in _OWN], session.layers)
        self._cross = expand([name.replace("{}", _PRESENT) for name in _CROSS], session.layers)
        _, heads, _, size = session.shape(_OWN[0].format(_PAST, i=0))
        nothing = np.zeros((rows, int(heads), 0, int(size)), np.float32)
        self.cache = MergedCache(
            {_as_input(name): nothing for name in (*self._own, *self._cross)}
        )
        self._started = False

    def prefill(self, tokens: Array, wanted: Array) -> Array:
        """Feeds a prompt to an empty cache: (rows, n) → (rows, k, vocabulary) logits.

        Args:
            tokens: (rows, n) int64.
            wanted: (k,) places in the prompt whose logits are needed.
        """
        logits = self._run(tokens, (*self._own, *self._cross))
        self._started = True
        return logits[:, wanted]

    def step(self, tokens: Array) -> Array:
        """Feeds one token per row; returns (rows, vocabulary) logits."""
        # What the audio's keys and values are does not change: they are not asked for again.
        return self._run(tokens[:, None], self._own)[:, -1]

    def _run(self, tokens: Array, kept: Sequence[str]) -> Array:
        feeds = {
            "input_ids": np.ascontiguousarray(tokens, np.int64),
            "use_cache_branch": np.array([self._started]),
            **self._fixed,
            **self.cache.arrays,
        }
        found = self._session.run(feeds, ["logits", *kept])
        self.cache.arrays.update((_as_input(name), found[name]) for name in kept)
        return found["logits"]


def _as_input(name: str) -> str:
    """`present.0.decoder.key` → `past_key_values.0.decoder.key`."""
    return _PAST + name.removeprefix(_PRESENT)
