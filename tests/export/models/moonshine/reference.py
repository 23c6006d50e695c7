"""Moonshine in numpy, as the paper and transformers 5.23.0 have it; written for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from math import erf
from typing import Any

import numpy as np

from .models import HEADS, LAYERS, WIDTH

Array = np.ndarray[Any, np.dtype[Any]]
_SIZE = WIDTH // HEADS
_TURNED = int(_SIZE * 0.9)
_erf = np.vectorize(erf)


class Reference:
    """Encoder and decoder of one set of weights, in float64."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._w = {
            name.removeprefix("model."): values.astype(np.float64)
            for name, values in weights.items()
        }

    def encode(self, waveform: Array) -> Array:
        """(n,) → (positions, width)."""
        x = np.tanh(self._conv(waveform[None], "encoder.conv1", 64))
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        x = x * self._w["encoder.groupnorm.weight"][:, None]
        x = x + self._w["encoder.groupnorm.bias"][:, None]
        x = _gelu(self._conv(x, "encoder.conv2", 3))
        x = _gelu(self._conv(x, "encoder.conv3", 2)).T
        for layer in (f"encoder.layers.{i}" for i in range(LAYERS)):
            normed = self._norm(x, f"{layer}.input_layernorm")
            x = x + self._attention(normed, normed, f"{layer}.self_attn", turned=True)
            normed = self._norm(x, f"{layer}.post_attention_layernorm")
            hidden = _gelu(self._linear(normed, f"{layer}.mlp.fc1"))
            x = x + self._linear(hidden, f"{layer}.mlp.fc2")
        return self._norm(x, "encoder.layer_norm")

    def logits(self, hidden: Array, tokens: Array) -> Array:
        """(positions, width) and (n,) tokens → (n, vocabulary)."""
        x = self._w["decoder.embed_tokens.weight"][tokens]
        for layer in (f"decoder.layers.{i}" for i in range(LAYERS)):
            normed = self._norm(x, f"{layer}.input_layernorm")
            x = x + self._attention(normed, normed, f"{layer}.self_attn", turned=True, causal=True)
            normed = self._norm(x, f"{layer}.post_attention_layernorm")
            x = x + self._attention(normed, hidden, f"{layer}.encoder_attn")
            both = self._linear(self._norm(x, f"{layer}.final_layernorm"), f"{layer}.mlp.fc1")
            values, gates = np.split(both, 2, axis=-1)
            x = x + self._linear(values * gates / (1 + np.exp(-gates)), f"{layer}.mlp.fc2")
        return self._norm(x, "decoder.norm") @ self._w["decoder.embed_tokens.weight"].T

    def _conv(self, x: Array, name: str, stride: int) -> Array:
        kernel = self._w[f"{name}.weight"]
        count = (x.shape[1] - kernel.shape[2]) // stride + 1
        columns = [x[:, i * stride : i * stride + kernel.shape[2]] for i in range(count)]
        found = np.stack([np.tensordot(kernel, column, 2) for column in columns], axis=1)
        bias = self._w.get(f"{name}.bias")
        return found if bias is None else found + bias[:, None]

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._w[f"{name}.weight"].T + self._w.get(f"{name}.bias", 0)

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scale = self._w[f"{name}.weight"]
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * scale

    def _attention(
        self, x: Array, source: Array, name: str, *, turned: bool = False, causal: bool = False
    ) -> Array:
        given = (x, source, source)
        query, key, value = (
            self._linear(y, f"{name}.{part}_proj").reshape(len(y), HEADS, _SIZE)
            for y, part in zip(given, "qkv", strict=True)
        )
        if turned:
            query, key = _turn(query), _turn(key)
        scores = np.einsum("nhd,mhd->hnm", query, key) / _SIZE**0.5
        if causal:
            scores += np.where(np.tril(np.ones(scores.shape[1:])) > 0, 0, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = np.einsum("hnm,mhd->nhd", weights, value).reshape(len(x), -1)
        return self._linear(mixed, f"{name}.o_proj")


def _turn(x: Array) -> Array:
    """(n, heads, size), pairs of neighbours turned by their position."""
    frequencies = 10_000.0 ** -(np.arange(0, _TURNED, 2) / _TURNED)
    angles = np.arange(len(x))[:, None, None] * frequencies
    pairs = 2 * len(frequencies)
    even, odd = x[..., 0:pairs:2], x[..., 1:pairs:2]
    found = x.copy()
    found[..., 0:pairs:2] = even * np.cos(angles) - odd * np.sin(angles)
    found[..., 1:pairs:2] = odd * np.cos(angles) + even * np.sin(angles)
    return found


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + _erf(x / 2**0.5))
