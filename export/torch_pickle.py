"""Reads the pickle inside a torch file without running any of it.

A pickle is a program for a small stack machine, and Python's own machine can be told to import
and call anything. This one knows only the opcodes that plain containers and tensors need, and has
no import and no call: `GLOBAL` pushes an inert name, `REDUCE` understands two of those names, and
everything else is an error. There is no class whose attributes `BUILD` could set, and no table
whose size an opcode could choose (`LONG_BINPUT` makes CPython's machine allocate gigabytes).
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_voice.errors import UnsupportedModel

from .tensor import checked_shape

MAX_PICKLE_BYTES = 1 << 20
"""Whisper large's is 150 kB; each byte can cost 64 bytes of memory (an empty dict)."""

_REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"
_ORDERED_DICT = "collections.OrderedDict"
_STORAGE_DTYPES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
_ALLOWED_GLOBALS = frozenset({_REBUILD_TENSOR, _ORDERED_DICT, *_STORAGE_DTYPES})


@dataclass(frozen=True)
class Storage:
    """A run of elements in a torch file that tensors are views of."""

    key: str
    dtype: str
    element_count: int


@dataclass(frozen=True)
class TensorView:
    """A tensor as the pickle describes it; nobody has compared it with the file yet."""

    storage: Storage
    offset: int
    """Elements of the storage before the tensor's first."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Steps in elements."""


@dataclass(frozen=True)
class _Global:
    """The name of something that the pickle wanted imported."""

    name: str


class _Mark:
    """Where the arguments of an opcode begin on the stack."""


_MARK = _Mark()


def read_pickle(data: bytes, source: str, make_tensor: Callable[[TensorView], object]) -> object:
    """Reads a torch file's `data.pkl`.

    Args:
        data: the pickle.
        source: what it is, for error messages.
        make_tensor: called for each tensor; its result stands in the tensor's place.

    Returns:
        dicts, lists, tuples, strings, numbers, booleans, None and `make_tensor`'s results.

    Raises:
        UnsupportedModel: the pickle is damaged, too large, or wants anything but these.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise UnsupportedModel(
            f"{source}: its pickle has {len(data)} bytes (at most {MAX_PICKLE_BYTES} allowed)"
        )
    machine = _Machine(source, make_tensor)
    try:
        for opcode, argument, _ in pickletools.genops(data):
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError) as error:
        if isinstance(error, UnsupportedModel):
            raise
        raise UnsupportedModel(f"{source}: its pickle is damaged: {error}") from error
    return machine.result()


class _Machine:
    """A pickle machine for data only: a stack, and a memo of what was on it."""

    def __init__(self, source: str, make_tensor: Callable[[TensorView], object]) -> None:
        self._source = source
        self._make_tensor = make_tensor
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Executes one opcode; IndexError or KeyError if the stack or memo lacks its operands."""
        if opcode in _PUSH_ARGUMENT:
            self._stack.append(argument)
        elif opcode in _PUSH_NEW:
            self._stack.append(_PUSH_NEW[opcode]())
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, argument)
        elif opcode not in _NOTHING_TO_DO:
            raise self._refusal(f"opcode {opcode}")

    def result(self) -> object:
        """What the pickle made: all that may be left on the stack."""
        if len(self._stack) != 1 or isinstance(self._stack[0], _Mark | _Global | Storage):
            raise UnsupportedModel(f"{self._source}: its pickle does not end with one value")
        return self._stack[0]

    def _refusal(self, found: str) -> UnsupportedModel:
        return UnsupportedModel(
            f"{self._source}: its pickle asks for {found}, which is refused "
            "(allowed: tensors, dicts, lists, tuples, strings and numbers)"
        )

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _memoize(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _tuple_to_mark(self, _: None) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def _tuple_of(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(items[::-1]))

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise self._refusal(f"appending to a {type(target).__name__}")
        target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise self._refusal(f"setting items of a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int):
                raise self._refusal(f"a {type(key).__name__} as a key")
            target[key] = value

    def _pop_two(self) -> list[Any]:
        last = self._stack.pop()
        return [self._stack.pop(), last]

    def _global(self, argument: str) -> None:
        self._push_global(*argument.split(" ", 1))

    def _stack_global(self, _: None) -> None:
        module, name = self._pop_two()
        self._push_global(str(module), str(name))

    def _push_global(self, module: str, name: str) -> None:
        full_name = f"{module}.{name}"
        if full_name not in _ALLOWED_GLOBALS:
            raise self._refusal(repr(full_name))
        self._stack.append(_Global(full_name))

    def _persistent(self, _: None) -> None:
        match self._stack.pop():
            case ("storage", _Global(name), str(key), str(), int(count)) if (
                name in _STORAGE_DTYPES and count >= 0
            ):
                self._stack.append(Storage(key, _STORAGE_DTYPES[name], count))
            case _:
                raise self._refusal("a persistent object that is not a tensor's storage")

    def _reduce(self, _: None) -> None:
        function, arguments = self._pop_two()
        match function, arguments:
            case _Global(name=name), () if name == _ORDERED_DICT:
                self._stack.append({})
            case _Global(name=name), tuple() if name == _REBUILD_TENSOR:
                self._stack.append(self._make_tensor(self._tensor_view(arguments)))
            case _:
                name = function.name if isinstance(function, _Global) else type(function).__name__
                raise self._refusal(f"calling {name!r} with unknown arguments")

    def _tensor_view(self, arguments: tuple[Any, ...]) -> TensorView:
        """Checks the arguments: storage, offset, shape, strides, requires_grad, hooks."""
        match arguments:
            case (Storage() as storage, int(offset), tuple() as shape, tuple() as strides, *_) if (
                offset >= 0 and len(shape) == len(strides)
            ):
                return TensorView(
                    storage,
                    offset,
                    checked_shape(shape, self._source),
                    checked_shape(strides, self._source),
                )
        raise self._refusal("a tensor with unknown arguments")

    def _build(self, _: None) -> None:
        # torch hangs the versions of a model's modules on the OrderedDict of its tensors.
        target, _state = self._pop_two()
        if type(target) is not dict:
            raise self._refusal(f"setting attributes of a {type(target).__name__}")
        self._stack.append(target)


_PUSH_ARGUMENT = frozenset(
    {"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
)
_PUSH_NEW: dict[str, Callable[[], object]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
}
_NOTHING_TO_DO = frozenset({"PROTO", "FRAME", "STOP"})
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "BINPUT": _Machine._memoize,
    "LONG_BINPUT": _Machine._memoize,
    "MEMOIZE": _Machine._memoize,
    "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get,
    "TUPLE": _Machine._tuple_to_mark,
    "TUPLE1": lambda machine, _: machine._tuple_of(1),
    "TUPLE2": lambda machine, _: machine._tuple_of(2),
    "TUPLE3": lambda machine, _: machine._tuple_of(3),
    "APPEND": lambda machine, _: machine._append([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._pop_to_mark()),
    "SETITEM": lambda machine, _: machine._set_items(machine._pop_two()),
    "SETITEMS": lambda machine, _: machine._set_items(machine._pop_to_mark()),
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "BINPERSID": _Machine._persistent,
    "REDUCE": _Machine._reduce,
    "BUILD": _Machine._build,
}
