"""From a hidden state to the codes of one frame: semantic head, then flow matching.

Flow matching (Lipman et al. 2023) moves a point from noise at time 0 to codes at time 1 along a
velocity field, in a few steps. With guidance g the velocity is g · v(with condition)
+ (1 - g) · v(without). Euler's method, as published, follows the velocity v[n] at the beginning of
a step. The Adams–Bashforth method of second order (Hairer, Nørsett & Wanner 1993, III.1) follows
3/2 · v[n] - 1/2 · v[n-1], after a first step of Euler's: its error falls with the square of the
step, and it evaluates the field no more often.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge_voice.models.voxtral_tts import graphs
from edge_voice.models.voxtral_tts.config import (
    EMPTY_AUDIO,
    END_AUDIO,
    SPECIAL_CODES,
    VoxtralConfig,
)
from edge_voice.session import Binding, Session

Array = np.ndarray[Any, np.dtype[Any]]

_HALF, _THREE_HALVES = np.float32(0.5), np.float32(1.5)


class AcousticTransformer:
    """Holds the graphs and the memory between them.

    Attributes:
        x: (codebooks,) float32: where the point is; moved by `integrate`.
        velocities: (2, codebooks) float32: with the condition and without, at the last step.
        semantic_logits: (rows,) float32 of the last frame, special codes and padding masked.
    """

    def __init__(
        self, folder: Path, files: dict[str, str], config: VoxtralConfig, threads: int
    ) -> None:
        """Opens the graphs.

        Raises:
            ModelError: One is damaged or does not fit the code.
        """
        options: Any = {"threads": threads, "spinning": True}
        head = Session(folder / files["head"], graphs.HEAD, **options)
        self._velocity = Session(folder / files["velocity"], graphs.VELOCITY, **options)
        self._velocity.check_size("x", 1, config.acoustic_codebooks)
        self._time_path = folder / files["time"]
        self._config = config
        self._threads = threads
        rows = int(head.shape("semantic_logits")[1])
        width, qkv = (int(self._velocity.shape(n)[1]) for n in ("condition", "condition_qkv"))
        self._hidden = np.zeros((1, width), np.float32)
        self._logits = np.zeros((1, rows), np.float32)
        self._condition = np.zeros((1, width), np.float32)
        self._condition_qkv = np.zeros((1, qkv), np.float32)
        self._x = np.zeros((1, config.acoustic_codebooks), np.float32)
        self.x: Array = self._x[0]
        self.semantic_logits: Array = self._logits[0]
        self.velocities = np.zeros((2, config.acoustic_codebooks), np.float32)
        self._head = self._bind_head(head)
        self._grids: dict[int, list[Binding]] = {}  # number of steps → a binding for each

    def frame(
        self, hidden: Array, noise: Array, *, steps: int, guidance: float, solver: str = "euler"
    ) -> Array:
        """Codes of the frame that a hidden state stands for.

        Args:
            hidden: (width,) or (1, width) float32.
            noise: (codebooks,) standard normal numbers.
            steps: Steps of the solver.
            guidance: Strength of classifier-free guidance; 1 is none.
            solver: One of `settings.SOLVERS`.

        Returns:
            (1 + codebooks,) int64 with the special offset; the first is END_AUDIO at the end.
        """
        self.listen(hidden)
        codes = np.full(1 + len(self.x), SPECIAL_CODES, np.int64)
        codes[0] = int(self.semantic_logits.argmax())
        if codes[0] != END_AUDIO:
            for _ in self.integrate(noise, steps, guidance, solver):
                pass
            codes[1:] += self.levels()
        return codes

    def listen(self, hidden: Array) -> None:
        """Computes what a hidden state says: semantic logits and condition."""
        self._hidden[:] = hidden
        self._head.run()
        self.semantic_logits[EMPTY_AUDIO] = -np.inf
        # Rows behind the codes only fill the matrix up, but they are not zero.
        self.semantic_logits[self._config.code_limits[0] :] = -np.inf

    def integrate(
        self, noise: Array, steps: int, guidance: float, solver: str = "euler"
    ) -> Iterator[Array]:
        """Moves `x` from the noise to the codes; yields it behind each step."""
        if steps not in self._grids:
            self._grids[steps] = self._bind_steps(steps)
        self.x[:] = noise
        weights = np.array([guidance, 1 - guidance], np.float32) / np.float32(steps)
        before: Array | None = None
        for binding in self._grids[steps]:
            binding.run()
            way = weights @ self.velocities
            self.x += way if before is None else _THREE_HALVES * way - _HALF * before
            before = way if solver == "ab2" else None
            yield self.x

    def levels(self) -> Array:
        """(codebooks,) int64: the level of finite scalar quantization nearest to `x`."""
        spacing = np.float32(self._config.acoustic_levels - 1)
        unit = (np.clip(self.x, -1, 1) + np.float32(1)) / np.float32(2)
        return np.asarray(np.rint(unit * spacing), np.int64)

    def _bind_head(self, head: Session) -> Binding:
        binding = head.bind()
        binding.input("hidden_states", self._hidden)
        binding.output("semantic_logits", self._logits)
        binding.output("condition", self._condition)
        binding.output("condition_qkv", self._condition_qkv)
        return binding

    def _bind_steps(self, steps: int) -> list[Binding]:
        """One binding a step: they differ in the token of time, which is never copied."""
        times = np.arange(steps, dtype=np.float32)[:, None] / np.float32(steps)
        # Opened for a moment only: what it computes is kept.
        session = Session(self._time_path, graphs.TIME, threads=self._threads)
        tokens = session.run({"times": times})
        bindings = []
        for i in range(steps):
            binding = self._velocity.bind()
            binding.input("x", self._x)
            binding.input("time_token", tokens["time_tokens"][i : i + 1])
            binding.input("time_qkv", tokens["time_qkv"][i : i + 1])
            binding.input("condition", self._condition)
            binding.input("condition_qkv", self._condition_qkv)
            binding.output("velocities", self.velocities)
            bindings.append(binding)
        return bindings
