"""Voxtral TTS in plain numpy and float64, straight from the description of the model.

Nothing here is rewritten for speed: full sequences, no cache, no state, one token after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Read = Callable[[str], Array]


def rms_norm(x: Array, weight: Array, epsilon: float) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * weight


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def heads_of(x: Array, heads: int) -> Array:
    """(n, heads · size) → (heads, n, size)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def attention(q: Array, k: Array, v: Array, bias: Array) -> Array:
    """(heads, n, size) each, keys and values of fewer heads; → (n, heads · size)."""
    shared = len(q) // len(k)
    k, v = np.repeat(k, shared, 0), np.repeat(v, shared, 0)
    weights = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + bias)
    return (weights @ v).transpose(1, 0, 2).reshape(q.shape[1], -1)


def rotated(x: Array, theta: float) -> Array:
    """Rotary positions over neighbouring pairs of channels of (heads, n, size)."""
    _, n, size = x.shape
    angle = np.arange(n)[:, None] * theta ** (-np.arange(0, size, 2) / size)
    even, odd = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = even * np.cos(angle) - odd * np.sin(angle)
    out[..., 1::2] = even * np.sin(angle) + odd * np.cos(angle)
    return out


class ReferenceVoxtral:
    """A checkpoint's tensors and the mathematics."""

    def __init__(self, read: Read, params: dict[str, Any]) -> None:
        self._read = read
        self.params = params
        self.audio = params["multimodal"]["audio_model_args"]
        self.codec = params["multimodal"]["audio_tokenizer_args"]

    def w(self, name: str) -> Array:
        return self._read(name).astype(np.float64)

    # Backbone

    def hidden_states(self, embeddings: Array) -> Array:
        p = self.params
        x = embeddings.astype(np.float64)
        causal = np.where(np.tri(len(x), dtype=bool), 0, -np.inf)
        for i in range(p["n_layers"]):
            x = self._block(f"layers.{i}", x, p, causal, p["rope_theta"])
        return rms_norm(x, self.w("norm.weight"), p["norm_eps"])

    def _block(
        self, name: str, x: Array, p: dict[str, Any], bias: Array, theta: float | None
    ) -> Array:
        n = rms_norm(x, self.w(f"{name}.attention_norm.weight"), 1e-5)
        q, k, v = (n @ self.w(f"{name}.attention.{part}.weight").T for part in ("wq", "wk", "wv"))
        q, k, v = heads_of(q, p["n_heads"]), *(heads_of(y, p["n_kv_heads"]) for y in (k, v))
        if theta:
            q, k = rotated(q, theta), rotated(k, theta)
        x = x + attention(q, k, v, bias) @ self.w(f"{name}.attention.wo.weight").T
        n = rms_norm(x, self.w(f"{name}.ffn_norm.weight"), 1e-5)
        return x + self._feed_forward(name, n)

    def _feed_forward(self, name: str, n: Array) -> Array:
        w1, w2, w3 = (self.w(f"{name}.feed_forward.{part}.weight") for part in ("w1", "w2", "w3"))
        return (silu(n @ w1.T) * (n @ w3.T)) @ w2.T

    # Acoustic transformer

    def semantic_logits(self, hidden: Array) -> Array:
        return self.w("acoustic_transformer.semantic_codebook_output.weight") @ hidden

    def velocity(self, x: Array, time: float, condition: Array) -> Array:
        prefix = "acoustic_transformer"
        width = len(condition)
        angle = time * np.exp(-math.log(10000) * np.arange(width // 2) / (width // 2))
        tau = np.concatenate([np.cos(angle), np.sin(angle)])
        tokens = np.stack(
            [
                self.w(f"{prefix}.input_projection.weight") @ x,
                self.w(f"{prefix}.time_projection.weight") @ tau,
                self.w(f"{prefix}.llm_projection.weight") @ condition,
            ]
        )
        p = self.audio["acoustic_transformer_args"]
        for i in range(p["n_layers"]):
            tokens = self._block(f"{prefix}.layers.{i}", tokens, p, np.zeros((3, 3)), None)
        last = rms_norm(tokens[0], self.w(f"{prefix}.norm.weight"), 1e-5)
        return self.w(f"{prefix}.acoustic_codebook_output.weight") @ last

    def euler(self, noise: Array, hidden: Array, steps: int, guidance: float) -> Array:
        """(steps + 1, codebooks): where the point is before and after each step."""
        x = noise.astype(np.float64)
        points = [x]
        for i in range(steps):
            x = x + self._guided_velocity(x, i / steps, hidden, guidance) / steps
            points.append(x)
        return np.stack(points)

    def adams_bashforth(
        self, noise: Array, hidden: Array, steps: int, guidance: float
    ) -> Array:
        """The same by the two-step method."""
        points, velocities = [noise.astype(np.float64)], []
        for i in range(steps):
            velocities.append(self._guided_velocity(points[i], i / steps, hidden, guidance))
            slope = velocities[0] if i == 0 else (3 * velocities[i] - velocities[i - 1]) / 2
            points.append(points[i] + slope / steps)
        return np.stack(points)

    def _guided_velocity(self, x: Array, time: float, hidden: Array, guidance: float) -> Array:
        with_condition = self.velocity(x, time, hidden)
        without = self.velocity(x, time, np.zeros_like(hidden))
        return guidance * with_condition + (1 - guidance) * without

    # The loop

    def embed(self, ids: list[int], voice: Array) -> Array:
        """(n, width) of a prompt: rows of the voice where the ids say audio."""
        x = self.w("mm_audio_embeddings.tok_embeddings.weight")[ids]
        x[np.array(ids) == self.audio["audio_token_id"]] = voice
        return x

    def embed_frame(self, codes: Array) -> Array:
        table = self.w("mm_audio_embeddings.audio_codebook_embeddings.embeddings.weight")
        books = len(codes) - 1
        sizes = [self.audio["semantic_codebook_size"] + 2]
        sizes += [self.audio["acoustic_codebook_size"] + 2] * books
        return sum(table[sum(sizes[:k]) + code] for k, code in enumerate(codes))

    def speak(self, prompt: Array, noise: Array, steps: int, guidance: float) -> list[list[int]]:
        """Codes of the frames behind a prompt, up to the end or to that of the noise."""
        limit, top = (self.audio[f"{kind}_codebook_size"] for kind in ("semantic", "acoustic"))
        x, frames = prompt, []
        for row in noise:
            hidden = self.hidden_states(x)[-1]
            semantic = 1 + int(self.semantic_logits(hidden)[1 : limit + 2].argmax())
            if semantic == 1:
                break
            point = np.clip(self.euler(row, hidden, steps, guidance)[-1], -1, 1)
            levels = np.rint((point + 1) / 2 * (top - 1)).astype(int)
            frames.append([semantic, *(levels + 2)])
            x = np.concatenate([x, self.embed_frame(np.array(frames[-1]))[None]])
        return frames

    # Codec

    def waveform(self, codes: Array) -> Array:
        """(frames, codebooks) without special offset → samples."""
        x = self.latents(codes)
        for block in self.codec_blocks(x).values():
            x = block
        return x.reshape(-1)

    def latents(self, codes: Array) -> Array:
        prefix = "audio_tokenizer.quantizer.semantic_codebook"
        usage = np.maximum(self.w(f"{prefix}.cluster_usage"), 1e-5)
        table = self.w(f"{prefix}.embedding_sum") / usage[:, None]
        levels = codes[:, 1:] * 2 / (self.codec["acoustic_codebook_size"] - 1) - 1
        return np.concatenate([table[codes[:, 0]], levels], axis=1)

    def codec_blocks(self, x: Array) -> dict[str, Array]:
        """What each block of the decoder computes, the patches of samples last."""
        c = self.codec
        kernels, strides, lengths = (
            list(map(int, c[f"decoder_{key}_str"].split(",")))
            for key in ("convs_kernels", "convs_strides", "transformer_lengths")
        )
        window = c["attn_sliding_window_size"] // math.prod(strides)
        found = {}
        for i, (kernel, stride) in enumerate(zip(kernels, strides, strict=True)):
            window *= stride
            name = f"audio_tokenizer.decoder_blocks.{2 * i}"
            x = self._causal(name, x, kernel) if stride == 1 else self._up(name, x, kernel, stride)
            found[f"block{2 * i}"] = x
            for j in range(lengths[i]):
                layer = f"audio_tokenizer.decoder_blocks.{2 * i + 1}.layers.{j}"
                x = self._codec_layer(layer, x, window)
            found[f"block{2 * i + 1}"] = x
        kernel = c["patch_proj_kernel_size"]
        padded = np.concatenate([x[1:kernel][::-1], x])
        found["patches"] = self._valid("audio_tokenizer.output_proj", padded, kernel)
        return found

    def _weight(self, name: str) -> Array:
        g, v = (self.w(f"{name}.conv.parametrizations.weight.original{i}") for i in (0, 1))
        return g * v / np.sqrt((v**2).sum((1, 2), keepdims=True))

    def _causal(self, name: str, x: Array, kernel: int) -> Array:
        return self._valid(name, np.concatenate([x[:1]] * (kernel - 1) + [x]), kernel)

    def _valid(self, name: str, x: Array, kernel: int) -> Array:
        w = self._weight(name)
        n = len(x) - kernel + 1
        return sum(x[k : k + n] @ w[:, :, k].T for k in range(kernel))

    def _up(self, name: str, x: Array, kernel: int, stride: int) -> Array:
        w = self._weight(name)
        y = np.zeros((stride * (len(x) - 1) + kernel, w.shape[1]))
        for t, row in enumerate(x):
            for k in range(kernel):
                y[stride * t + k] += row @ w[:, :, k]
        return y[: stride * len(x)]

    def _codec_layer(self, name: str, x: Array, window: int) -> Array:
        c = self.codec
        heads = c["n_heads"]
        n = rms_norm(x, self.w(f"{name}.attention_norm.weight"), c["norm_eps"])
        q, k, v = (n @ self.w(f"{name}.attention.{part}.weight").T for part in ("wq", "wk", "wv"))
        q = rms_norm(q, self.w(f"{name}.attention.q_norm.weight"), c["qk_norm_eps"])
        k = rms_norm(k, self.w(f"{name}.attention.k_norm.weight"), c["qk_norm_eps"])
        distance = np.arange(len(x))[None] - np.arange(len(x))[:, None]
        slopes = 2.0 ** (-8 * np.arange(heads) / heads)
        bias = np.where(
            (distance <= 0) & (distance >= -window), slopes[:, None, None] * distance, -np.inf
        )
        mixed = attention(*(heads_of(y, heads) for y in (q, k, v)), bias)
        attended = mixed @ self.w(f"{name}.attention.wo.weight").T
        x = x + self.w(f"{name}.attention_scale") * attended
        n = rms_norm(x, self.w(f"{name}.ffn_norm.weight"), c["norm_eps"])
        return x + self.w(f"{name}.ffn_scale") * self._feed_forward(name, n)
