"""What transformers does with a Cohere Transcribe of random weights, to be run in a child.

Weights are laid out in memory and filled with the same million random numbers over and over: what
they are does not change what they cost, as long as results are ordinary numbers.
"""

from __future__ import annotations

import time
from typing import Any

import torch
import transformers

from benchmarks.children import peak_bytes
from benchmarks.synthetic_cohere import SIZES, huggingface_config
from benchmarks.timing import in_turns, summary

_TABLE_ITEMS = 1 << 20
_DEVIATION = 0.02
_PROMPT_TOKENS = 10
_STEPS = 12
_TURNS = 4


def run(
    size: str, dtype: str, threads: int, clips: list[float], context: float, rounds: int
) -> dict[str, Any]:
    """Encoder at all lengths, prompt and steps with `context` seconds of audio.

    Args:
        size: One of `benchmarks.synthetic_cohere.SIZES`.
        dtype: `bfloat16` or `float32`.
        threads: Of torch.
        clips: Seconds of audio.
        context: Of these, what the decoder listens to.
        rounds: Turns of each length.
    """
    torch.set_num_threads(threads)
    begin = time.perf_counter()
    model = random_model(size, getattr(torch, dtype))
    made = time.perf_counter() - begin
    with torch.inference_mode():
        encoders = {str(seconds): _encoder(model, seconds) for seconds in clips}
        times = in_turns(encoders, rounds=rounds)
        decoding = _decoding(model, context)
    return {
        "version": transformers.__version__,
        "torch": torch.__version__,
        "make_seconds": round(made, 1),
        "clips": [
            {"seconds": seconds, "encoder_seconds": summary(times[str(seconds)])}
            for seconds in clips
        ],
        "context": {"seconds": context, **decoding},
        "peak_bytes": peak_bytes(),
    }


def random_model(size: str, dtype: torch.dtype) -> Any:
    """A model in transformers' own class, its parameters in memory once."""
    config = transformers.CohereAsrConfig(**huggingface_config(SIZES[size]))
    with torch.device("meta"):
        model = transformers.CohereAsrForConditionalGeneration(config)
    model = model.to(dtype).to_empty(device="cpu")
    model.tie_weights()
    table = _DEVIATION * torch.randn(_TABLE_ITEMS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            _fill(parameter.view(-1), table)
            if "norm" in name and name.endswith("weight"):
                parameter.fill_(1)
        for module in model.modules():
            _fill_buffers(module)
    return model.eval()


def _fill(values: torch.Tensor, table: torch.Tensor) -> None:
    for start in range(0, len(values), len(table)):
        part = values[start : start + len(table)]
        part.copy_(table[: len(part)])


def _fill_buffers(module: Any) -> None:
    """Statistics of batch norms that change nothing; frequencies of positions as they must be."""
    if isinstance(module, torch.nn.BatchNorm1d):
        module.reset_running_stats()
    elif hasattr(module, "compute_default_relative_positional_parameters"):
        module.inv_freq = module.compute_default_relative_positional_parameters(module.config)


def _encoder(model: Any, seconds: float) -> Any:
    return lambda: model.model.encoder(input_features=_features(model, seconds))


def _features(model: Any, seconds: float) -> torch.Tensor:
    mels = model.config.encoder_config.num_mel_bins
    shape = (1, round(100 * seconds), mels)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return noise.to(model.dtype)


def _decoding(model: Any, context: float) -> dict[str, Any]:
    """Milliseconds of the prompt and of a token behind it, with a cache."""
    encoded = model.model.encoder(input_features=_features(model, context))
    prompt = torch.arange(_PROMPT_TOKENS)[None]
    token = torch.full((1, 1), 5)

    def prefill() -> Any:
        return model(decoder_input_ids=prompt, encoder_outputs=encoded, use_cache=True)

    output = prefill()
    cache = output.past_key_values

    def step() -> None:
        model(
            decoder_input_ids=token, encoder_outputs=encoded, past_key_values=cache, use_cache=True
        )

    if not output.logits.isfinite().all():
        raise ValueError("the random model's logits are not finite")
    prompts = in_turns({"prefill": prefill}, rounds=3)["prefill"]
    steps = in_turns({"step": step}, rounds=_TURNS, repeats=_STEPS)["step"]
    return {
        "prefill_milliseconds": summary(prompts, unit=1000, digits=2),
        "step_milliseconds": {"1": summary(steps, unit=1000, digits=3)},
    }
