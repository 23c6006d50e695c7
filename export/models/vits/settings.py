"""Numbers of VITS voices, from transformers' files or from Piper's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_voice.errors import UnsupportedModel
from edge_voice.models.vits.config import VitsConfig

from ...json_object import read_object
from ...ready_folder import number, read_json, read_json_if_there, short_code

# Piper's symbols before, between and behind the others.
_START, _BLANK, _END = "^", "_", "$"
_PIPER_KINDS = ("espeak", "text")
_PIPER_CHANNELS = 192
_MOST_SPEAKERS = 100_000


def piper_settings(path: Path) -> dict[str, Any] | None:
    """What lies beside a graph as NAME.onnx.json; None if that is no voice of Piper's."""
    beside = path.with_name(path.name + ".json")
    if not beside.is_file():
        return None
    found = read_object(beside)
    return found if "phoneme_id_map" in found else None


def piper_config(settings: Mapping[str, Any]) -> VitsConfig:
    """The numbers of one of Piper's voices, without those of its graph.

    Raises:
        UnsupportedModel: Something is missing or is not what it should be.
    """
    audio, inference, espeak = (_object(settings, key) for key in ("audio", "inference", "espeak"))
    kind = settings.get("phoneme_type", "espeak")
    if kind not in _PIPER_KINDS:
        known = ", ".join(_PIPER_KINDS)
        raise UnsupportedModel(f"phoneme_type is {kind!r} (allowed: {known})")
    symbols = _piper_symbols(settings)
    if missing := [mark for mark in (_START, _BLANK, _END) if mark not in symbols]:
        raise UnsupportedModel(f"phoneme_id_map has no {missing[0]!r}")
    return VitsConfig(
        sample_rate=int(number(audio, "sample_rate", 22_050)),
        inputs=(),
        voices=_piper_voices(settings),
        symbols={s: i for s, i in symbols.items() if s not in (_START, _BLANK, _END)},
        blank=symbols[_BLANK],
        start=symbols[_START],
        end=symbols[_END],
        espeak_voice=_name(espeak, "voice") if kind == "espeak" else "",
        lower_case=kind == "text",
        decomposed=True,
        romanized=False,
        noise_scale=number(inference, "noise_scale", 0.667),
        noise_scale_duration=number(inference, "noise_w", 0.8),
        latent_channels=_PIPER_CHANNELS,
    )


def piper_scales(settings: Mapping[str, Any]) -> tuple[float, float, float]:
    """What Piper's input `scales` is fixed to."""
    inference = _object(settings, "inference")
    return (
        number(inference, "noise_scale", 0.667),
        number(inference, "length_scale", 1.0),
        number(inference, "noise_w", 0.8),
    )


def piper_language(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The language, as the voice's file or espeak-ng names it; empty if neither does."""
    code = _object(settings, "language").get("code") or _object(settings, "espeak").get("voice")
    return (code.replace("_", "-").lower(),) if isinstance(code, str) and code else ()


def transformers_config(folder: Path, config: Mapping[str, Any]) -> VitsConfig:
    """The numbers of a voice of transformers' `VitsModel`, without those of its graph.

    Raises:
        UnsupportedModel: A file is missing or is not what it should be.
    """
    tokenizer = read_json_if_there(folder, "tokenizer_config.json")
    symbols = read_json(folder, "vocab.json")
    size = number(config, "vocab_size", len(symbols))
    if not symbols or not all(type(i) is int and 0 <= i < size for i in symbols.values()):
        raise UnsupportedModel(
            f"wrong tokenizer: vocab.json has ids that are not 0 to {size - 1:g}, as in config.json"
        )
    speakers = int(number(config, "num_speakers", 1))
    if not 1 <= speakers <= _MOST_SPEAKERS:
        raise UnsupportedModel(f"config.json: num_speakers is {speakers}")
    return VitsConfig(
        sample_rate=int(number(config, "sampling_rate", 16_000)),
        inputs=(),
        voices=tuple(f"speaker_{i}" for i in range(speakers)),
        symbols={text: i for text, i in symbols.items() if len(text) == 1},
        blank=0 if tokenizer.get("add_blank", True) is True else None,
        start=None,
        end=None,
        # transformers reads all phonemes as American English, whatever the language.
        espeak_voice="en-us" if tokenizer.get("phonemize", False) is True else "",
        lower_case=tokenizer.get("normalize", True) is True,
        decomposed=False,
        romanized=tokenizer.get("is_uroman", False) is True,
        noise_scale=number(config, "noise_scale", 0.667),
        noise_scale_duration=number(config, "noise_scale_duration", 0.8),
        latent_channels=int(number(config, "flow_size", 192)),
    )


def transformers_language(folder: Path) -> tuple[str, ...]:
    """The language that the tokenizer names; empty if it names none."""
    language = read_json_if_there(folder, "tokenizer_config.json").get("language")
    return (short_code(language),) if isinstance(language, str) and language else ()


def _piper_symbols(settings: Mapping[str, Any]) -> dict[str, int]:
    """Phoneme → id."""
    table = settings.get("phoneme_id_map")
    if not isinstance(table, dict) or not table:
        raise UnsupportedModel("phoneme_id_map: expected phonemes and their ids")
    symbols = {}
    for phoneme, ids in table.items():
        if not isinstance(ids, list) or len(ids) != 1 or type(ids[0]) is not int:
            raise UnsupportedModel(f"phoneme_id_map: {phoneme!r} is {ids!r:.40} (expected one id)")
        symbols[phoneme] = ids[0]
    return symbols


def _piper_voices(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the speakers in order of their ids."""
    count = settings.get("num_speakers", 1)
    if type(count) is not int or not 1 <= count <= _MOST_SPEAKERS:
        raise UnsupportedModel(f"num_speakers is {count!r}")
    names = [f"speaker_{i}" for i in range(count)]
    for name, i in _object(settings, "speaker_id_map").items():
        if type(i) is int and 0 <= i < count:
            names[i] = name
    if count == 1 and isinstance(settings.get("dataset"), str):
        names = [settings["dataset"]]
    return tuple(names)


def _object(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = settings.get(key, {})
    if not isinstance(found, dict):
        raise UnsupportedModel(f"{key} is {found!r:.40} (expected an object)")
    return found


def _name(settings: Mapping[str, Any], key: str) -> str:
    found = settings.get(key)
    if not isinstance(found, str) or not found:
        raise UnsupportedModel(f"espeak: {key} is {found!r} (expected the name of a language)")
    return found
