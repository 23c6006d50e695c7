"""A Whisper model whose encoder counts windows and whose decoder reads from a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_voice.models.whisper.config import WhisperConfig

# 256 text tokens, one for each byte; windows of 2 s; the ids in the order of the published ones.
CONFIG = WhisperConfig(
    mels=8,
    audio_positions=100,
    text_positions=64,
    vocabulary=367,
    multilingual=True,
    end_of_text=256,
    start_of_transcript=257,
    language_tokens={"en": 258, "de": 259, "fr": 260},
    translate=261,
    transcribe=262,
    start_of_previous=263,
    no_speech=264,
    no_timestamps=265,
    first_timestamp=266,
    suppress=(*b"#*", 257, 261, 262, 263, 264),
    suppress_at_start=(*b" ", 256),
    alignment_heads=(),
)
# Where the only head looks: each token of a text is spoken for 0.1 s, one after another.
POSITIONS_PER_TOKEN = 5
# Windows whose first frames are the same are one window, encoded again.
_TELLING_FRAMES = 20
# A logit that leaves no doubt among 367, also at temperature 1.
CERTAIN = 60.0


@dataclass(frozen=True)
class Take:
    """What the decoder says when a window is decoded once.

    Attributes:
        said: Texts, and times in seconds.
        logit: How sure it is: the logit of what it says, all others having 0.
        rival: What it nearly says; where that differs, its logit is one less.
    """

    said: Sequence[str | float]
    logit: float = CERTAIN
    rival: Sequence[str | float] = ()

    def tokens(self, config: WhisperConfig) -> list[int]:
        tokens: list[int] = []
        for part in self.said:
            if isinstance(part, str):
                tokens += part.encode()
            else:
                tokens.append(config.first_timestamp + round(part / 0.02))
        return tokens


@dataclass(frozen=True)
class Window:
    """What is heard in the n-th window; the last take is used again and again."""

    takes: Sequence[Take] = (Take((0.0, "word", 1.0)),)
    language: str = "en"
    no_speech: bool = False


@dataclass
class Script:
    """The windows of a recording, and what the graphs were asked.

    Attributes:
        features: (mels, frames) of each window, as it was encoded last.
        takes: Window and prompt of each time that one was decoded.
    """

    config: WhisperConfig = CONFIG
    windows: Sequence[Window] = (Window(),)
    features: list[np.ndarray] = field(default_factory=list)
    takes: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    @property
    def prompts(self) -> list[tuple[int, ...]]:
        """Of each window, in order."""
        return [prompt for _, prompt in dict.fromkeys(self.takes)]

    def hear(self, *windows: Window | Sequence[str | float]) -> None:
        """Sets the windows; texts and times alone are said with certainty."""
        self.windows = [
            window if isinstance(window, Window) else Window([Take(window)]) for window in windows
        ]

    def encode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        column = np.array([self._number(f) for f in feeds["input_features"]], np.float32)
        state = {"encoder_hidden_states": column[:, None, None]}
        for kind in ("key", "value"):
            state[f"encoder.0.{kind}"] = column[:, None, None, None]
        return state

    def decode(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        ids, positions = feeds["input_ids"], feeds["position_ids"]
        clips = feeds["encoder.0.key"]
        numbers = np.repeat(clips.reshape(len(clips), -1)[:, 0], len(ids) // len(clips)).astype(int)
        # A start token alone asks a multilingual checkpoint for the language.
        is_start = positions[0, 0] == 0 and len(feeds["logits_positions"])
        if is_start and (ids.shape[1] > 1 or not self.config.multilingual):
            rows = zip(numbers.tolist(), ids.tolist(), strict=True)
            self.takes += dict.fromkeys((number, tuple(row)) for number, row in rows)
        wanted = feeds["logits_positions"]
        rows = [
            [self._logits(number, int(row[place]), int(at[place])) for place in wanted]
            for number, row, at in zip(numbers, ids, positions, strict=True)
            if len(wanted)
        ]
        return {"logits": np.array(rows, np.float32), **self._looks(feeds)}

    def _looks(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Weights of attention; the text is fed behind a prompt without timestamps."""
        ids, positions = feeds["input_ids"][0].tolist(), feeds["encoder.0.value"].shape[2]
        if not len(feeds["attention_positions"]):
            return {}
        last = ids.index(self.config.no_timestamps)
        rows = (np.arange(len(ids)) - last)[:, None]
        return {"cross_attentions.0": 1.0 * (np.arange(positions) // POSITIONS_PER_TOKEN == rows)}

    def _number(self, features: np.ndarray) -> int:
        now = features[:, :_TELLING_FRAMES]
        for number, before in enumerate(self.features):
            if np.array_equal(before[:, :_TELLING_FRAMES], now):
                self.features[number] = features.copy()
                return number
        self.features.append(features.copy())
        return len(self.features) - 1

    def _logits(self, number: int, token: int, position: int) -> np.ndarray:
        config, window = self.config, self.windows[number]
        logits = np.zeros(config.vocabulary, np.float32)
        if token == config.start_of_transcript:
            logits[config.language_tokens[window.language]] = 5
            logits[config.no_speech] = 20 if window.no_speech else -20
        spoken = position + 1 - len(self.takes[-1][1]) if self.takes else -1
        if spoken >= 0:
            tries = sum(number == earlier for earlier, _ in self.takes)
            take = window.takes[min(tries, len(window.takes)) - 1]
            for said, logit in ((take.rival or take.said, take.logit - 1), (take.said, take.logit)):
                tokens = Take(said).tokens(config)
                picked = tokens[spoken] if spoken < len(tokens) else config.end_of_text
                logits[picked] = logit
        return logits


class FakeBinding:
    """Runs a function on the bound inputs; fills the bound outputs that it gives."""

    def __init__(self, compute: Callable[..., dict[str, np.ndarray]]) -> None:
        self._compute = compute
        self._inputs: dict[str, np.ndarray] = {}
        self._outputs: dict[str, np.ndarray] = {}

    def input(self, name: str, array: np.ndarray) -> None:
        self._inputs[name] = array

    def output(self, name: str, array: np.ndarray) -> None:
        self._outputs[name] = array

    def run(self) -> None:
        for name, values in self._compute(self._inputs).items():
            if name in self._outputs:
                self._outputs[name][...] = values


class FakeSession:
    """A graph of one layer with one head of size 1."""

    layers = 1

    def __init__(
        self, compute: Callable[..., dict[str, np.ndarray]], vocabulary: int = CONFIG.vocabulary
    ) -> None:
        self._compute = compute
        self._vocabulary = vocabulary

    def shape(self, name: str) -> tuple[int, ...]:
        three = {"encoder_hidden_states": (1, 1, 1), "logits": (1, 1, self._vocabulary)}
        return three.get(name, (1, 1, 1, 1))

    def check_size(self, name: str, axis: int, expected: int) -> None:
        """Every size is right."""

    def dtype(self, name: str) -> type[np.generic]:
        return np.float32

    def bind(self) -> FakeBinding:
        return FakeBinding(self._compute)

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self._compute(feeds)
