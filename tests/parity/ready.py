"""Random models of transformers, exported as others do it: a folder with graph and settings."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import edge_voice
from edge_voice_export import export_bundle

LETTERS = "ETAOINSHRDLUCMWFGYPBVKXJQZ'"
VOCABULARY = {text: i for i, text in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
WAVEFORM = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000}
LOG_MEL = {"feature_extractor_type": "SeamlessM4TFeatureExtractor", "sampling_rate": 16000}
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": len(VOCABULARY),
    "attn_implementation": "eager",
}
CONVOLUTIONS: dict[str, Any] = {
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 8),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@dataclass
class Published:
    """A model of transformers, the folder that it was exported to, and bundles made of that."""

    model: Any
    folder: Path
    bundles: dict[str, Any] = field(default_factory=dict)

    def bundle(self, precision: str) -> Any:
        if precision not in self.bundles:
            target = self.folder.with_name(precision)
            export_bundle(self.folder, target, precision=precision)
            self.bundles[precision] = edge_voice.load(target)
        return self.bundles[precision]


class _ByPosition(torch.nn.Module):
    """The exporter gives inputs by position and wants a tuple."""

    def __init__(self, model: Any, inputs: list[str], output: str) -> None:
        super().__init__()
        self.model, self.inputs, self.output = model, inputs, output

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        first, *rest = values
        given = dict(zip(self.inputs[1:], rest, strict=True))
        return getattr(self.model(first, **given), self.output)  # type: ignore[no-any-return]


def export(
    model: Any,
    inputs: dict[str, torch.Tensor],
    output: str,
    path: Path,
    fixed: tuple[str, ...] = (),
) -> None:
    """Writes the graph; the first two axes of inputs are free, as optimum exports them.

    Those of the inputs named in `fixed` are not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {
        name: {i: f"{name}_{i}" for i in range(min(value.ndim, 2))}
        for name, value in inputs.items()
        if name not in fixed
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _ByPosition(model, list(inputs), output).eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes=axes,
            opset_version=18,
            dynamo=False,
        )


def write_settings(model: Any, folder: Path, preprocessor: dict[str, Any]) -> Path:
    """The files beside the graph of a CTC model."""
    config = {**model.config.to_dict(), "architectures": [type(model).__name__]}
    (folder / "config.json").write_text(json.dumps(config, default=str))
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    (folder / "tokenizer_config.json").write_text('{"word_delimiter_token": "|"}')
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder
