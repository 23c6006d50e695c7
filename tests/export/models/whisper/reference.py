"""Whisper in plain numpy and float64, written from the paper: what exported graphs must compute.

Slow, without cache, one clip at a time; it takes tensors by transformers' names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_erf = np.vectorize(math.erf)


@dataclass(frozen=True, slots=True)
class ReferenceWhisper:
    """A Whisper model.

    Attributes:
        read: Returns a tensor by its name without `model.`.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        encoder_heads: Heads of each encoder block.
        decoder_heads: Heads of each decoder block.
    """

    read: Callable[[str], Array]
    encoder_layers: int
    decoder_layers: int
    encoder_heads: int
    decoder_heads: int

    def encode(self, features: Array) -> Array:
        """(mels, frames) → (frames / 2, width)."""
        x = features.astype(np.float64)
        for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
            x = _gelu(_convolve(x, self._get(f"{name}.weight"), stride) + self._bias(name)[:, None])
        x = x.T
        x = x + self._get("encoder.embed_positions.weight")[: len(x)]
        for i in range(self.encoder_layers):
            layer = f"encoder.layers.{i}"
            y = self._norm(f"{layer}.self_attn_layer_norm", x)
            x = x + self._attention(f"{layer}.self_attn", y, y, self.encoder_heads, causal=False)
            x = x + self._feed_forward(layer, x)
        return self._norm("encoder.layer_norm", x)

    def decode(self, ids: Array, encoded: Array) -> Array:
        """(n,) ids and (positions, width) encoder output → (n, vocabulary) logits."""
        return self.decode_and_look(ids, encoded)[0]

    def decode_and_look(self, ids: Array, encoded: Array) -> tuple[Array, list[Array]]:
        """Logits, and (heads, n, positions) weights of cross-attention of each layer."""
        words = self._get("decoder.embed_tokens.weight")
        x = words[ids] + self._get("decoder.embed_positions.weight")[: len(ids)]
        heads, looks = self.decoder_heads, []
        for i in range(self.decoder_layers):
            layer = f"decoder.layers.{i}"
            y = self._norm(f"{layer}.self_attn_layer_norm", x)
            x = x + self._attention(f"{layer}.self_attn", y, y, heads, causal=True)
            y = self._norm(f"{layer}.encoder_attn_layer_norm", x)
            block = f"{layer}.encoder_attn"
            looks.append(self._weights(block, y, encoded, heads, causal=False))
            x = x + self._attention(block, y, encoded, heads, causal=False)
            x = x + self._feed_forward(layer, x)
        return np.asarray(self._norm("decoder.layer_norm", x) @ words.T), looks

    def greedy(self, prompt: list[int], encoded: Array, count: int) -> list[int]:
        """The likeliest ids after a prompt, one by one."""
        ids = list(prompt)
        for _ in range(count):
            ids.append(int(self.decode(np.array(ids), encoded)[-1].argmax()))
        return ids[len(prompt) :]

    def _get(self, name: str) -> Array:
        return self.read(name).astype(np.float64)

    def _bias(self, name: str) -> Array:
        return self._get(f"{name}.bias")

    def _linear(self, name: str, x: Array, *, bias: bool = True) -> Array:
        y = x @ self._get(f"{name}.weight").T
        return np.asarray(y + self._bias(name) if bias else y)

    def _norm(self, name: str, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-5)
        return np.asarray(scaled * self._get(f"{name}.weight") + self._bias(name))

    def _feed_forward(self, layer: str, x: Array) -> Array:
        y = self._norm(f"{layer}.final_layer_norm", x)
        return self._linear(f"{layer}.fc2", _gelu(self._linear(f"{layer}.fc1", y)))

    def _weights(self, name: str, x: Array, context: Array, heads: int, *, causal: bool) -> Array:
        query = _split(self._linear(f"{name}.q_proj", x), heads)
        key = _split(self._linear(f"{name}.k_proj", context, bias=False), heads)
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
        if causal:
            scores += np.triu(np.full(scores.shape[1:], -np.inf), 1)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    def _attention(self, name: str, x: Array, context: Array, heads: int, *, causal: bool) -> Array:
        value = _split(self._linear(f"{name}.v_proj", context), heads)
        mixed = self._weights(name, x, context, heads, causal=causal) @ value
        joined = mixed.transpose(1, 0, 2).reshape(len(x), -1)
        return self._linear(f"{name}.out_proj", joined)


def _split(x: Array, heads: int) -> Array:
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def _gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


def _convolve(x: Array, kernel: Array, stride: int) -> Array:
    """A convolution of width 3 with a zero at both ends: (channels, n) → (filters, n / stride)."""
    padded = np.pad(x, ((0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
    return np.einsum("cnk,fck->fn", windows, kernel)
