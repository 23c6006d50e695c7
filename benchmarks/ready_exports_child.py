"""One Whisper in a process of its own: a bundle of ours, or published graphs with plain code."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np

from benchmarks.children import peak_bytes

# Half of the decoder's positions, where Whisper's own code stops too.
_MOST_TOKENS = 224
Clip = dict[str, str]


def bundle(folder: str, clips: list[Clip], threads: int) -> dict[str, Any]:
    """A bundle, through `edge_voice.load`."""
    import edge_voice

    model = edge_voice.load(folder, threads=threads)
    return _measured(
        lambda clip: model.transcribe(clip["path"], language=clip["language"]).text, clips
    )


def published(
    encoder: str, decoder: str, bundle: str, clips: list[Clip], threads: int
) -> dict[str, Any]:
    """Published graphs: whole windows of 30 s, one token after another, no rules.

    Features and vocabulary are those of a bundle of the same model.
    """
    import onnxruntime as ort

    import edge_voice

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    sessions = [
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for path in (encoder, decoder)
    ]
    model: Any = edge_voice.load(bundle, threads=1)
    return _measured(lambda clip: _decode(*sessions, model, clip), clips)


def _measured(transcribe: Any, clips: list[Clip]) -> dict[str, Any]:
    transcribe(clips[0])
    start = time.perf_counter()
    texts = {Path(clip["path"]).name: transcribe(clip) for clip in clips}
    return {
        "seconds": time.perf_counter() - start,
        "peak_bytes": peak_bytes(),
        "texts": texts,
    }


def _decode(encoder: Any, decoder: Any, model: Any, clip: Clip) -> str:
    from edge_voice.audio import read
    from edge_voice.models.whisper.config import SAMPLE_RATE

    config = model.config
    waveform = read(clip["path"], sample_rate=SAMPLE_RATE)
    features = model.features(waveform)[None]
    hidden = encoder.run(["last_hidden_state"], {"input_features": features})[0]
    tokens = [
        config.start_of_transcript,
        config.language_tokens[clip["language"]],
        config.transcribe,
        config.no_timestamps,
    ]
    said = _greedy(decoder, hidden, tokens, config.end_of_text)
    return str(model._tokenizer.decode(said)).strip()


def _greedy(decoder: Any, hidden: Any, prompt: list[int], end: int) -> list[int]:
    """Tokens of one window from a merged decoder in optimum's layout."""
    inputs = {value.name: value for value in decoder.get_inputs()}
    names = [value.name for value in decoder.get_outputs()]
    outputs = [name for name in names if name.startswith(("logits", "present"))]
    past = {
        name: np.zeros((1, value.shape[1], 0, value.shape[3]), np.float32)
        for name, value in inputs.items()
        if name.startswith("past_key_values")
    }
    tokens, said, goes_on = np.array([prompt], np.int64), list[int](), False
    while len(said) < _MOST_TOKENS:
        feeds = {"input_ids": tokens, "encoder_hidden_states": hidden, **past}
        feeds["use_cache_branch"] = np.array([goes_on])
        found = dict(zip(outputs, decoder.run(outputs, feeds), strict=True))
        token = int(found["logits"][0, -1].argmax())
        if token == end:
            break
        said.append(token)
        for name in past:
            # Keys of the cross-attention come with the first call only.
            if not (goes_on and ".encoder." in name):
                past[name] = found[name.replace("past_key_values", "present")]
        tokens, goes_on = np.array([[token]], np.int64), True
    return said
