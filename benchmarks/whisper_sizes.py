"""The sizes of Whisper models, and what a Hugging Face checkpoint of such a size contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TIMESTAMP_TOKENS = 1501


@dataclass(frozen=True)
class WhisperSize:
    """The numbers that make one Whisper model larger than another."""

    layers: int
    width: int
    heads: int
    mels: int = 80
    vocab: int = 51865
    languages: int = 99
    multilingual: bool = True
    audio_ctx: int = 1500
    text_ctx: int = 448
    decoder_layers: int | None = None

    @property
    def end_of_text(self) -> int:
        """The first special token: all text tokens lie below it."""
        # End of text, start of transcript, six tasks and marks, then timestamps to the end.
        return self.vocab - _TIMESTAMP_TOKENS - self.languages - 8


SIZES = {
    "tiny.en": WhisperSize(4, 384, 6, vocab=51864, multilingual=False),
    "tiny": WhisperSize(4, 384, 6),
    "base": WhisperSize(6, 512, 8),
    "small": WhisperSize(12, 768, 12),
    "medium": WhisperSize(24, 1024, 16),
    "large-v3": WhisperSize(32, 1280, 20, mels=128, vocab=51866, languages=100),
    "large-v3-turbo": WhisperSize(
        32, 1280, 20, mels=128, vocab=51866, languages=100, decoder_layers=4
    ),
}


def tensor_shapes(size: WhisperSize) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint as transformers saves it: the tied output head is left out."""
    width = size.width
    shapes = {
        "model.encoder.conv1.weight": (width, size.mels, 3),
        "model.encoder.conv1.bias": (width,),
        "model.encoder.conv2.weight": (width, width, 3),
        "model.encoder.conv2.bias": (width,),
        "model.encoder.embed_positions.weight": (size.audio_ctx, width),
        "model.decoder.embed_tokens.weight": (size.vocab, width),
        "model.decoder.embed_positions.weight": (size.text_ctx, width),
    }
    for layer in range(size.layers):
        shapes |= _layer(f"model.encoder.layers.{layer}", width, ("self_attn",))
    for layer in range(size.decoder_layers or size.layers):
        shapes |= _layer(f"model.decoder.layers.{layer}", width, ("self_attn", "encoder_attn"))
    shapes |= _norm("model.encoder.layer_norm", width)
    return shapes | _norm("model.decoder.layer_norm", width)


def _layer(prefix: str, width: int, attentions: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    shapes = _norm(f"{prefix}.final_layer_norm", width)
    shapes |= {
        f"{prefix}.fc1.weight": (4 * width, width),
        f"{prefix}.fc1.bias": (4 * width,),
        f"{prefix}.fc2.weight": (width, 4 * width),
        f"{prefix}.fc2.bias": (width,),
    }
    for attention in attentions:
        shapes |= _norm(f"{prefix}.{attention}_layer_norm", width)
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{prefix}.{attention}.{projection}.weight"] = (width, width)
            if projection != "k_proj":
                shapes[f"{prefix}.{attention}.{projection}.bias"] = (width,)
    return shapes


def _norm(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": (width,), f"{prefix}.bias": (width,)}


def huggingface_config(size: WhisperSize, dtype: str) -> dict[str, Any]:
    """What `config.json` of such a checkpoint says."""
    end = size.end_of_text
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "d_model": size.width,
        "encoder_layers": size.layers,
        "decoder_layers": size.decoder_layers or size.layers,
        "encoder_attention_heads": size.heads,
        "decoder_attention_heads": size.heads,
        "encoder_ffn_dim": 4 * size.width,
        "decoder_ffn_dim": 4 * size.width,
        "vocab_size": size.vocab,
        "num_mel_bins": size.mels,
        "max_source_positions": size.audio_ctx,
        "max_target_positions": size.text_ctx,
        "activation_function": "gelu",
        "scale_embedding": False,
        "is_encoder_decoder": True,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": end + 1,
        "torch_dtype": dtype,
    }
