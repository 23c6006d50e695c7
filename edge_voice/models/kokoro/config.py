"""Kokoro's numbers, as the manifest has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from edge_voice.manifest import Manifest, from_dict
from edge_voice.phonemes.unknown import Alphabet
from edge_voice.synthesizer import VoiceList


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """What is known of one voice.

    Attributes:
        language: ISO 639 code and region, such as `en-gb`.
        gender: `female` or `male`.
        grade: The publisher's own judgement of it, A to F; None where there is none.
    """

    language: str
    gender: str
    grade: str | None


@dataclass(frozen=True, slots=True)
class KokoroConfig:
    """What the runtime must know and cannot see in the graphs.

    Attributes:
        sample_rate: Samples per second.
        frame_samples: Samples of a frame.
        frame_steps: Steps of the excitation in a frame.
        phoneme_ids: Phoneme → id.
        voices: Name → facts, the default voice first; in the order of the file of styles.
        unknown_words: Alphabets of the networks for unknown English words, by accent.
    """

    sample_rate: int
    frame_samples: int
    frame_steps: int
    phoneme_ids: dict[str, int]
    voices: dict[str, VoiceFacts]
    unknown_words: dict[str, Alphabet]


def voice_list(manifest: Manifest) -> VoiceList:
    """What `edge-voice voices` tells: language, gender and, where there is one, grade."""
    config = from_dict(KokoroConfig, manifest.config, "manifest.json: config")
    facts = {
        name: {key: value for key, value in asdict(voice).items() if value is not None}
        for name, voice in config.voices.items()
    }
    return VoiceList(tuple(config.voices), manifest.languages, config.sample_rate, facts)
