"""What is known of Kokoro's voices, and is in none of its files.

Languages and grades are those of the publisher's own list (hexgrad/Kokoro-82M, VOICES.md); a name
begins with a letter for the language and one for the gender.
"""

from __future__ import annotations

from edge_voice.models.kokoro.config import VoiceFacts

DEFAULT_VOICE = "af_heart"
SAMPLE_RATE, FRAME_SAMPLES, FRAME_STEPS = 24_000, 600, 120

_LANGUAGES = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-br", "z": "zh",
}  # fmt: skip
_GENDERS = {"f": "female", "m": "male"}
_GRADES = {
    "af_heart": "A", "af_alloy": "C", "af_aoede": "C+", "af_bella": "A-", "af_jessica": "D",
    "af_kore": "C+", "af_nicole": "B-", "af_nova": "C", "af_river": "D", "af_sarah": "C+",
    "af_sky": "C-", "am_adam": "F+", "am_echo": "D", "am_eric": "D", "am_fenrir": "C+",
    "am_liam": "D", "am_michael": "C+", "am_onyx": "D", "am_puck": "C+", "am_santa": "D-",
    "bf_alice": "D", "bf_emma": "B-", "bf_isabella": "C", "bf_lily": "D", "bm_daniel": "D",
    "bm_fable": "C", "bm_george": "C", "bm_lewis": "D+",
}  # fmt: skip


def voice_facts(name: str) -> VoiceFacts | None:
    """Facts of a voice by its file's name; None if it is not named like one."""
    language, gender = _LANGUAGES.get(name[:1]), _GENDERS.get(name[1:2])
    if language is None or gender is None or name[2:3] != "_":
        return None
    return VoiceFacts(language, gender, _GRADES.get(name))
