"""The options of `Synthesizer.synthesize`, checked once for every model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge_voice.errors import OptionError
from edge_voice.synthesizer import AudioChunk, SpeakOptions
from edge_voice.text.user_lexicon import UserLexicon, read_lexicon
from edge_voice.time_stretch import check_speed

_MOST_SECONDS = 1e9
_HIGHEST_NOISE_SCALE = 2.0
_OF_SOME_MODELS = ("noise_scale", "noise_scale_duration")


@dataclass(frozen=True, slots=True)
class SpeakSettings:
    """Options with their defaults filled in.

    Attributes:
        voice: One of the model's.
        language: One of the model's, a region allowed behind it.
        seed: Of random numbers.
        speed: 1.0 is the voice's own.
        max_seconds: Most seconds of audio; None is no limit.
        lexicon: Words of the user, for `text.sentences`.
        noise_scale: Of a VITS voice; None is the checkpoint's own.
        noise_scale_duration: Likewise.
    """

    voice: str
    language: str
    seed: int
    speed: float
    max_seconds: float | None
    lexicon: UserLexicon | None = None
    noise_scale: float | None = None
    noise_scale_duration: float | None = None

    def limited(self, chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
        """The chunks up to `max_seconds`, the last one cut."""
        if self.max_seconds is None:
            yield from chunks
            return
        left = None
        for chunk in chunks:
            left = round(self.max_seconds * chunk.sample_rate) if left is None else left
            yield replace(chunk, waveform=chunk.waveform[:left])
            left -= len(chunk.waveform)
            if left <= 0:
                return


def read_settings(
    options: SpeakOptions,
    *,
    voices: Sequence[str],
    languages: Sequence[str],
    unknown: Iterable[str] = (),
    own: Collection[str] = (),
    phonemes: Collection[str] = (),
) -> SpeakSettings:
    """Checks options and fills in defaults.

    Args:
        options: As the caller gave them.
        voices: What the model knows, the default first.
        languages: ISO 639 codes, the default first.
        unknown: Options that this model has no use for.
        own: Options of few models that this one knows: those of `_OF_SOME_MODELS`.
        phonemes: Those that a lexicon may name; none if the model reads letters.

    Raises:
        OptionError: A value is not allowed, or the model does not know the option.
        TypeError: There is no such option, as Python says of an unknown keyword.
    """
    given: dict[str, Any] = dict(options)
    if strange := sorted(set(given) - set(SpeakOptions.__annotations__)):
        raise TypeError(f"unexpected option {strange[0]!r}")
    for name in (*unknown, *(name for name in _OF_SOME_MODELS if name not in own)):
        if name in given:
            raise OptionError(f"this model has no {name} (leave it out)")
    voice = given.get("voice", voices[0])
    if voice not in voices:
        raise OptionError(f"unknown voice {voice!r} (known: {', '.join(voices)})")
    language = given.get("language", languages[0])
    if language not in languages and language.lower().partition("-")[0] not in languages:
        raise OptionError(f"language {language!r} (allowed: {', '.join(languages)})")
    return SpeakSettings(
        voice=voice,
        language=language,
        seed=_seed(given.get("seed", 0)),
        speed=check_speed(given.get("speed", 1.0)),
        max_seconds=_max_seconds(given.get("max_seconds")),
        lexicon=read_lexicon(given["lexicon"], phonemes) if "lexicon" in given else None,
        noise_scale=_noise_scale("noise_scale", given),
        noise_scale_duration=_noise_scale("noise_scale_duration", given),
    )


def _noise_scale(name: str, given: dict[str, Any]) -> float | None:
    value = given.get(name)
    if value is not None and not 0 <= value <= _HIGHEST_NOISE_SCALE:
        raise OptionError(f"{name} {value:g} (allowed: 0 to {_HIGHEST_NOISE_SCALE:g})")
    return None if value is None else float(value)


def _seed(value: int) -> int:
    if value < 0:
        raise OptionError(f"seed {value} (allowed: 0 or more)")
    return value


def _max_seconds(value: float | None) -> float | None:
    if value is not None and not 0 < value <= _MOST_SECONDS:
        raise OptionError(f"max_seconds {value:g} (allowed: more than 0, up to {_MOST_SECONDS:g})")
    return value
