"""Exports a Whisper checkpoint as the two graphs that sherpa-onnx runs, float32 and int8.

Runs in the peers' environment (PyTorch, openai-whisper, onnx, onnxruntime). sherpa-onnx's
published files cannot be had from a package index, so they are made here by the same road: traced
by PyTorch, MatMuls quantized by onnxruntime's `quantize_dynamic`. The encoder takes any number of
frames, as theirs does, so that short clips are not padded to 30 s.

    python sherpa_export.py tiny.en.pt FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnx
import torch
import whisper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional

_OPSET = 17


class Encoder(nn.Module):
    """Log-mel features → keys and values of every decoder layer's cross-attention."""

    def __init__(self, model: whisper.Whisper) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.cross = nn.ModuleList(block.cross_attn for block in model.decoder.blocks)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """(1, mels, frames) → twice (layers, 1, frames / 2, width)."""
        x = functional.gelu(self.encoder.conv1(mel))
        x = functional.gelu(self.encoder.conv2(x)).transpose(1, 2)
        x = x + self.encoder.positional_embedding[: x.shape[1]]
        for block in self.encoder.blocks:
            x = block(x)
        x = self.encoder.ln_post(x)
        keys = torch.stack([attention.key(x) for attention in self.cross])
        values = torch.stack([attention.value(x) for attention in self.cross])
        return keys, values


class Decoder(nn.Module):
    """Token ids and caches → logits and caches."""

    def __init__(self, model: whisper.Whisper) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(
        self,
        tokens: Tensor,
        self_keys: Tensor,
        self_values: Tensor,
        cross_keys: Tensor,
        cross_values: Tensor,
        offset: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One call over n tokens that follow `offset` earlier ones."""
        decoder = self.decoder
        end = offset[0] + tokens.shape[-1]
        x = decoder.token_embedding(tokens) + decoder.positional_embedding[offset[0] : end]
        for i, block in enumerate(decoder.blocks):
            normed = block.attn_ln(x)
            self_keys[i, :, offset[0] : end] = block.attn.key(normed)
            self_values[i, :, offset[0] : end] = block.attn.value(normed)
            x = x + _attend(
                block.attn, normed, self_keys[i, :, :end], self_values[i, :, :end], decoder.mask
            )
            normed = block.cross_attn_ln(x)
            x = x + _attend(block.cross_attn, normed, cross_keys[i], cross_values[i], None)
            x = x + block.mlp(block.mlp_ln(x))
        weight = decoder.token_embedding.weight
        logits = torch.matmul(weight, decoder.ln(x).permute(0, 2, 1)).permute(0, 2, 1)
        return logits, self_keys, self_values


def _attend(
    attention: nn.Module, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
) -> Tensor:
    mixed, _ = attention.qkv_attention(attention.query(x), keys, values, mask)
    return attention.out(mixed)


@torch.no_grad()
def export(source: Path, folder: Path) -> None:
    """Writes encoder, decoder (each float32 and int8) and tokens.txt into the folder."""
    # The fused attention operator does not trace into plain MatMuls, which int8 needs.
    whisper.model.MultiHeadAttention.use_sdpa = False
    model = whisper.load_model(str(source), device="cpu").eval()
    folder.mkdir(parents=True, exist_ok=True)
    _export_encoder(model, folder / "encoder.onnx")
    _export_decoder(model, folder / "decoder.onnx")
    _add_metadata(folder / "encoder.onnx", _metadata(model))
    for name in ("encoder", "decoder"):
        quantize_dynamic(
            folder / f"{name}.onnx",
            folder / f"{name}.int8.onnx",
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
        )
    _write_tokens(folder / "tokens.txt", multilingual=model.is_multilingual)


def _export_encoder(model: whisper.Whisper, path: Path) -> None:
    mel = torch.randn(1, model.dims.n_mels, 3000)
    axes = {"mel": {0: "batch", 2: "frames"}}
    axes |= {name: {1: "batch", 2: "positions"} for name in ("n_layer_cross_k", "n_layer_cross_v")}
    _trace(Encoder(model), (mel,), path, ["mel"], ["n_layer_cross_k", "n_layer_cross_v"], axes)


def _export_decoder(model: whisper.Whisper, path: Path) -> None:
    sizes = model.dims
    cache = torch.zeros(sizes.n_text_layer, 1, sizes.n_text_ctx, sizes.n_text_state)
    cross = torch.randn(sizes.n_text_layer, 1, sizes.n_audio_ctx, sizes.n_text_state)
    tokens = torch.tensor([[sizes.n_vocab - 1] * 3])
    # The mask fits n tokens at the start, or one token anywhere: what sherpa-onnx asks for.
    inputs = (tokens, cache, cache.clone(), cross, cross.clone(), torch.tensor([0]))
    caches = ["in_n_layer_self_k_cache", "in_n_layer_self_v_cache"]
    crosses = ["n_layer_cross_k", "n_layer_cross_v"]
    axes = {"tokens": {0: "batch", 1: "n"}}
    axes |= {name: {1: "batch"} for name in caches} | {
        name: {1: "batch", 2: "positions"} for name in crosses
    }
    _trace(
        Decoder(model),
        inputs,
        path,
        ["tokens", *caches, *crosses, "offset"],
        ["logits", "out_n_layer_self_k_cache", "out_n_layer_self_v_cache"],
        axes,
    )


def _trace(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: list[str],
    output_names: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    torch.onnx.export(
        module,
        inputs,
        str(path),
        opset_version=_OPSET,
        input_names=input_names,
        output_names=output_names,
        dynamic_axes=axes,
        dynamo=False,
    )


def _metadata(model: whisper.Whisper) -> dict[str, Any]:
    tokenizer = whisper.tokenizer.get_tokenizer(model.is_multilingual)
    sizes = {name: value for name, value in vars(model.dims).items() if name.startswith("n_")}
    return sizes | {
        "model_type": "whisper",
        "version": 1,
        "sot_sequence": ",".join(map(str, tokenizer.sot_sequence)),
        "all_language_tokens": ",".join(map(str, tokenizer.all_language_tokens)),
        "all_language_codes": ",".join(tokenizer.all_language_codes),
        "sot": tokenizer.sot,
        "sot_index": tokenizer.sot_sequence.index(tokenizer.sot),
        "eot": tokenizer.eot,
        "blank_id": tokenizer.encode(" ")[0],
        "is_multilingual": int(model.is_multilingual),
        "no_speech": tokenizer.no_speech,
        "non_speech_tokens": ",".join(map(str, tokenizer.non_speech_tokens)),
        "transcribe": tokenizer.transcribe,
        "translate": tokenizer.translate,
        "sot_prev": tokenizer.sot_prev,
        "sot_lm": tokenizer.sot_lm,
        "no_timestamps": tokenizer.no_timestamps,
    }


def _add_metadata(path: Path, entries: dict[str, Any]) -> None:
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {key: str(value) for key, value in entries.items()})
    onnx.save(graph, path)


def _write_tokens(path: Path, *, multilingual: bool) -> None:
    name = "multilingual.tiktoken" if multilingual else "gpt2.tiktoken"
    path.write_text((Path(whisper.__file__).parent / "assets" / name).read_text())


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
