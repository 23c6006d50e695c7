"""The only door to onnxruntime: one open graph, run by name."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

import edge_voice  # noqa: F401  (sets ORT_DISABLE_TELEMETRY before the import below)
from edge_voice.cpu import has_int8_dot_product
from edge_voice.errors import GraphMismatch, ModelError
from edge_voice.graph import GraphSpec, in_our_names

Array = np.ndarray[Any, np.dtype[Any]]

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}

_SPIN_MICROSECONDS = "50"


class Session:
    """One graph, opened. `run` takes and returns arrays by name."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        spec: GraphSpec,
        *,
        threads: int = 1,
        any_shape: bool = False,
        spinning: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Opens the graph and checks its names against `spec`.

        Args:
            path: The .onnx file.
            spec: Names that it must have.
            threads: Cores to use.
            any_shape: Inputs are large and have another shape at nearly every run. onnxruntime
                then makes no memory plan for each, which it would keep, and gives memory back
                after a run.
            spinning: Threads wait for their next share of work in a short loop, not asleep, while
                the graph runs. For graphs that run many times a second and little else does.
            names: Name in `spec` → name in the graph, where they differ (`Manifest.names`); all
                methods take and give the names of `spec`.

        Raises:
            ModelError: onnxruntime cannot load the file.
            GraphMismatch: The graph's inputs or outputs are not those of `spec`.
        """
        self.path = Path(path)
        self._session = _opened(self.path, _options(threads, any_shape, spinning))
        self._run_options = _giving_back() if any_shape else None
        self._inputs = _by_our_names(self._session.get_inputs(), names or {})
        self._outputs = _by_our_names(self._session.get_outputs(), names or {})
        self.layers = spec.check(self.path.name, self._inputs, self._outputs)

    def shape(self, name: str) -> tuple[int | str, ...]:
        """Shape of an input or output; free dimensions are names."""
        return tuple(self._value(name).shape)

    def dtype(self, name: str) -> type[np.generic]:
        """Numpy type of an input or output."""
        kind = self._value(name).type
        if kind not in _DTYPES:
            raise GraphMismatch(f"{self.path.name}: {name} has type {kind}, which is not supported")
        return _DTYPES[kind]

    def check_size(self, name: str, axis: int, expected: int) -> None:
        """Compares a fixed size of an input or output with what the manifest says.

        Raises:
            GraphMismatch: They differ.
        """
        found = self.shape(name)[axis]
        if found != expected:
            raise GraphMismatch(
                f"{self.path.name}: axis {axis} of {name} is {found}, the manifest says {expected}"
            )

    def takes(self, name: str) -> bool:
        """Whether the graph has such an input."""
        return name in self._inputs

    def run(
        self, feeds: dict[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Runs the graph on all inputs; returns the named outputs, or all."""
        names = list(self._outputs) if outputs is None else list(outputs)
        wanted = [self._name(name) for name in names]
        given = {self._name(name): array for name, array in feeds.items()}
        with _running(self.path.name):
            values = self._session.run(wanted, given, self._run_options)
        return dict(zip(names, values, strict=True))

    def bind(self) -> Binding:
        """Inputs and outputs tied to memory that lives across runs."""
        return Binding(self._session, self.path.name, self._run_options, self._name)

    def _name(self, ours: str) -> str:
        """What the graph calls an input or output; a name that it lacks is left to onnxruntime."""
        value = self._inputs.get(ours) or self._outputs.get(ours)
        return ours if value is None else str(value.name)

    def _value(self, name: str) -> Any:
        value = self._inputs.get(name) or self._outputs.get(name)
        if value is None:
            raise GraphMismatch(f"{self.path.name}: no input or output is called {name!r}")
        return value


def graph_interface(path: Path) -> tuple[list[str], list[str]]:
    """Names of the inputs and outputs of a graph in any form that onnxruntime opens.

    Raises:
        ModelError: It cannot open the file.
    """
    session = _opened(path, _options(1, any_shape=True, spinning=False))
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return [value.name for value in inputs], [value.name for value in outputs]


class Binding:
    """One graph's inputs and outputs, each tied to an array that is read or written in place.

    An array may serve as input and output at once: that is how a cache grows without copies.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        name: str,
        options: ort.RunOptions | None,
        theirs: Callable[[str], str],
    ) -> None:
        self._session = session
        self._name = name
        self._theirs = theirs
        self._options = options
        self._binding = session.io_binding()
        # onnxruntime sees addresses only: the arrays must outlive the binding.
        self._arrays: dict[str, Array] = {}

    def input(self, name: str, array: Array) -> None:
        """The graph reads `array`, a contiguous one, at every run."""
        self._arrays[name] = array
        self._binding.bind_input(
            self._theirs(name), "cpu", 0, array.dtype.type, array.shape, array.ctypes.data
        )

    def output(self, name: str, array: Array) -> None:
        """The graph writes `array`, whose shape must be the output's."""
        self._arrays[f"output {name}"] = array
        self._binding.bind_output(
            self._theirs(name), "cpu", 0, array.dtype.type, array.shape, array.ctypes.data
        )

    def run(self) -> None:
        """Runs the graph once."""
        with _running(self._name):
            self._session.run_with_iobinding(self._binding, self._options)


def _opened(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise _as_ours(path.name, "onnxruntime cannot load it", error) from None


def _by_our_names(values: Iterable[Any], names: Mapping[str, str]) -> dict[str, Any]:
    values = list(values)
    return dict(zip(in_our_names([v.name for v in values], names), values, strict=True))


@contextmanager
def _running(name: str) -> Iterator[None]:
    """Turns exceptions of onnxruntime, which share no base class, into ours."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise _as_ours(name, "cannot be run", error) from None
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise _as_ours(name, "cannot be run", error) from None
        raise


def _as_ours(name: str, what: str, error: Exception) -> Exception:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "bad allocation" in message or "bad_alloc" in message or "allocate memory" in message:
        return MemoryError(f"not enough memory for {name}")
    return ModelError(f"{name}: {what}: {message}")


def _giving_back() -> ort.RunOptions:
    """Options of a run that ends with the arena's free memory going back to the system.

    A run of a large encoder needs hundreds of megabytes that the decoder's steps could not use.
    """
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _options(threads: int, any_shape: bool, spinning: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads  # the default ignores cgroup limits
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.enable_mem_pattern = not any_shape
    # Idle threads sleep. Those of a graph that has just run would otherwise spin on the cores that
    # the next graph needs: with encoder and decoder on two cores that cost a third of the time.
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    # Where they may spin, they stop when the run ends, and after the time it takes to wake one up:
    # that saved 9 % of a step of a large decoder. Spinning on, as by default, doubled its time as
    # soon as another program wanted one of the cores; 200 µs saved 2 % more and cost 8 % then.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    if platform.machine() in {"x86_64", "AMD64"} and not has_int8_dot_product():
        # Without VNNI, products of int8 are added in pairs of 16 bits, which overflow; this takes
        # a slower kernel that does not.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options
