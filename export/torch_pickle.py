"""Reads the pickle inside a torch file without running any of it.

A pickle is a program for a small stack machine, and Python's own machine can be told to import
and call anything. This one knows only the opcodes that plain containers and tensors need, and has
no import and no call: `GLOBAL` pushes an inert name, `REDUCE` understands two of those names, and
everything else is an error. There is no class whose attributes `BUILD` could set, and no table
whose size an opcode could choose (`LONG_BINPUT` makes CPython's machine allocate gigabytes).
"""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from edge_voice.errors import UnsupportedModel

from . import pickle_arguments as arguments
from .tensor import checked_shape

MAX_PICKLE_BYTES = 1 << 20
"""Whisper large's is 150 kB; each byte can cost 64 bytes of memory (an empty dict)."""

# A refused name stands in the error message; a hostile one may have a million characters.
_MAX_NAME = 100
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
        machine.run(BytesIO(data))
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

    def run(self, stream: BytesIO) -> None:
        """Executes opcodes up to STOP.

        Raises:
            UnsupportedModel: one is not known here; its argument is not even parsed.
            KeyError, IndexError, ValueError: an operand is missing or an argument cut off.
        """
        code = b""
        while code != pickle.STOP:
            code = arguments.exactly(stream, 1)
            if code not in _OPCODES:
                raise self._refusal(f"opcode {_OPCODE_NAMES.get(code, code.hex())}")
            read_argument, action = _OPCODES[code]
            action(self, read_argument(stream))

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

    def _push(self, value: object) -> None:
        self._stack.append(value)

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

    def _global(self, names: tuple[str, str]) -> None:
        self._push_global(*names)

    def _stack_global(self, _: None) -> None:
        module, name = self._pop_two()
        if not isinstance(module, str) or not isinstance(name, str):
            raise self._refusal(f"a global named by a {type(name).__name__}")
        self._push_global(module, name)

    def _push_global(self, module: str, name: str) -> None:
        full_name = f"{module}.{name}"
        if full_name not in _ALLOWED_GLOBALS:
            raise self._refusal(repr(full_name[:_MAX_NAME]))
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
        function, values = self._pop_two()
        match function, values:
            case _Global(name=name), () if name == _ORDERED_DICT:
                self._stack.append({})
            case _Global(name=name), tuple() if name == _REBUILD_TENSOR:
                self._stack.append(self._make_tensor(self._tensor_view(values)))
            case _:
                name = function.name if isinstance(function, _Global) else type(function).__name__
                raise self._refusal(f"calling {name!r} with unknown arguments")

    def _tensor_view(self, values: tuple[Any, ...]) -> TensorView:
        """Checks the arguments: storage, offset, shape, strides, requires_grad, hooks."""
        match values:
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


_OPCODE_NAMES = {opcode.code.encode("latin-1"): opcode.name for opcode in pickletools.opcodes}
_OPCODES: dict[bytes, tuple[Callable[[BytesIO], Any], Callable[[_Machine, Any], None]]] = {
    pickle.PROTO: (arguments.unsigned(1), lambda machine, _: None),
    pickle.FRAME: (arguments.unsigned(8), lambda machine, _: None),
    pickle.STOP: (arguments.none, lambda machine, _: None),
    pickle.BINUNICODE: (arguments.text(4), _Machine._push),
    pickle.SHORT_BINUNICODE: (arguments.text(1), _Machine._push),
    pickle.BININT: (arguments.signed, _Machine._push),
    pickle.BININT1: (arguments.unsigned(1), _Machine._push),
    pickle.BININT2: (arguments.unsigned(2), _Machine._push),
    pickle.LONG1: (arguments.long, _Machine._push),
    pickle.BINFLOAT: (arguments.double, _Machine._push),
    pickle.NONE: (arguments.none, lambda machine, _: machine._push(None)),
    pickle.NEWTRUE: (arguments.none, lambda machine, _: machine._push(True)),
    pickle.NEWFALSE: (arguments.none, lambda machine, _: machine._push(False)),
    pickle.MARK: (arguments.none, lambda machine, _: machine._push(_MARK)),
    pickle.EMPTY_DICT: (arguments.none, lambda machine, _: machine._push({})),
    pickle.EMPTY_LIST: (arguments.none, lambda machine, _: machine._push([])),
    pickle.EMPTY_TUPLE: (arguments.none, lambda machine, _: machine._push(())),
    pickle.BINPUT: (arguments.unsigned(1), _Machine._memoize),
    pickle.LONG_BINPUT: (arguments.unsigned(4), _Machine._memoize),
    pickle.MEMOIZE: (arguments.none, _Machine._memoize),
    pickle.BINGET: (arguments.unsigned(1), _Machine._get),
    pickle.LONG_BINGET: (arguments.unsigned(4), _Machine._get),
    pickle.TUPLE: (arguments.none, _Machine._tuple_to_mark),
    pickle.TUPLE1: (arguments.none, lambda machine, _: machine._tuple_of(1)),
    pickle.TUPLE2: (arguments.none, lambda machine, _: machine._tuple_of(2)),
    pickle.TUPLE3: (arguments.none, lambda machine, _: machine._tuple_of(3)),
    pickle.APPEND: (arguments.none, lambda machine, _: machine._append([machine._stack.pop()])),
    pickle.APPENDS: (arguments.none, lambda machine, _: machine._append(machine._pop_to_mark())),
    pickle.SETITEM: (arguments.none, lambda machine, _: machine._set_items(machine._pop_two())),
    pickle.SETITEMS: (
        arguments.none,
        lambda machine, _: machine._set_items(machine._pop_to_mark()),
    ),
    pickle.GLOBAL: (arguments.two_lines, _Machine._global),
    pickle.STACK_GLOBAL: (arguments.none, _Machine._stack_global),
    pickle.BINPERSID: (arguments.none, _Machine._persistent),
    pickle.REDUCE: (arguments.none, _Machine._reduce),
    pickle.BUILD: (arguments.none, _Machine._build),
}
