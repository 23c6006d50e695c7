"""The pickle machine: data comes out, and nothing that a pickle says is ever done."""

from __future__ import annotations

import copyreg
import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from edge_voice.errors import UnsupportedModel
from edge_voice_export.torch_pickle import MAX_PICKLE_BYTES, Storage, TensorView, read_pickle

from .torch_files import STOP, TorchTensor, global_name, opcodes, pickled, storage, string

REBUILD = global_name("torch._utils", "_rebuild_tensor_v2")
ORDERED_DICT = global_name("collections", "OrderedDict")


def read(data: bytes) -> Any:
    return read_pickle(data, "model.pt", lambda view: view)


def refusal(data: bytes) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        read(data)
    message = str(caught.value)
    assert message.startswith("model.pt: ")
    assert "\n" not in message
    return message


class Call:
    """Pickles as a call of anything with anything."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced

    def __call__(self) -> None:
        """Only so that pickle takes it for the function of another call."""


class Touched:
    """Writes a marker file when it is made, given state, or has an attribute set."""

    def __init__(self, path: str = "", *, on_load: str = "") -> None:
        self.on_load = on_load
        if path:
            Path(path).touch()

    def __getstate__(self) -> str:
        return self.on_load

    def __setstate__(self, path: str) -> None:
        Path(path).touch()


def touch(marker: Path) -> str:
    return f"touch '{marker}'"


def python(marker: Path) -> str:
    return f"__import__('pathlib').Path({str(marker)!r}).touch()"


HOSTILE = {
    "os.system": lambda m: Call(os.system, touch(m)),
    "posix.system in a dict": lambda m: {"dims": {}, "model_state_dict": Call(os.system, touch(m))},
    "builtins.eval": lambda m: Call(eval, python(m)),
    "builtins.exec": lambda m: Call(exec, python(m)),
    "as a key": lambda m: {Call(eval, "(" + python(m) + ", 'k')[1]"): 1},
    "nested getattr": lambda m: Call(Call(getattr, Call(__import__, "os"), "system"), touch(m)),
    "os.mknod": lambda m: Call(os.mknod, str(m)),
    "a class": lambda m: Call(Touched, str(m)),
    "__setstate__": lambda m: Call(Touched, state=str(m)),
    "an object": lambda m: Touched(on_load=str(m)),
    "OrderedDict of a call": lambda m: Call(OrderedDict, Call(eval, python(m) + " or []")),
    "list items from a call": lambda m: Call(map, eval, [python(m)]),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(tmp_path, name, protocol):
    marker = tmp_path / "marker"
    data = pickle.dumps(HOSTILE[name](marker), protocol)
    result = pickle.loads(data)
    if isinstance(result, map):
        list(result)
    assert marker.exists(), "the pickle is not hostile, so this test would prove nothing"
    marker.unlink()

    refusal(data)

    assert not marker.exists()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (global_name("os", "system") + STOP, "'os.system'"),
        (global_name("builtins", "getattr") + STOP, "'builtins.getattr'"),
        (global_name("torch._utils", "os.system") + STOP, "'torch._utils.os.system'"),
        (global_name("torch", "_utils._rebuild_tensor_v2.__globals__") + STOP, "__globals__"),
        (global_name("collections", "OrderedDict.__reduce_ex__") + STOP, "__reduce_ex__"),
        (global_name("torch.storage", "_load_from_bytes") + STOP, "_load_from_bytes"),
        (global_name("torch._utils", "_rebuild_parameter") + STOP, "_rebuild_parameter"),
        (string("os") + string("system") + b"\x93" + STOP, "'os.system'"),
        (b"]" * 5000 + b"a" * 4998 + b"\x93" + STOP, "a global named by a list"),
        (b"(ios\nsystem\n" + STOP, "opcode INST"),
        (b"(" + ORDERED_DICT + b"o" + STOP, "opcode OBJ"),
        (ORDERED_DICT + b")\x81" + STOP, "opcode NEWOBJ"),
        (b"\x82\x01" + STOP, "opcode EXT1"),
        (b"\x83\x01\x00" + STOP, "opcode EXT2"),
        (b"\x84\x01\x00\x00\x00" + STOP, "opcode EXT4"),
        (b"Pstorage\n" + STOP, "opcode PERSID"),
        (b"}2" + STOP, "opcode DUP"),
        (ORDERED_DICT + b"}b" + STOP, "setting attributes of a _Global"),
        (storage("float32", "0", 1) + b"}b" + STOP, "setting attributes of a Storage"),
        (pickled(TorchTensor("int8", (1,), "0", 1))[:-1] + b"}b" + STOP, "of a TensorView"),
        (string("x") + b")R" + STOP, "calling 'str'"),
        (global_name("torch", "FloatStorage") + b")R" + STOP, "calling 'torch.FloatStorage'"),
        (ORDERED_DICT + b"(]tR" + STOP, "calling 'collections.OrderedDict'"),
        (ORDERED_DICT + b"}R" + STOP, "calling 'collections.OrderedDict'"),
        (REBUILD + b")R" + STOP, "a tensor with unknown arguments"),
        (REBUILD + b"]R" + STOP, "calling 'torch._utils._rebuild_tensor_v2'"),
        (REBUILD + opcodes((1, 0, (1,), (1,), False)) + b"R" + STOP, "a tensor with unknown"),
        (string("storage") + b"Q" + STOP, "a persistent object"),
        (opcodes(("storage", "FloatStorage", "0", "cpu", 1)) + b"Q" + STOP, "a persistent object"),
        (b"(" + string("storage") + ORDERED_DICT + string("0") + string("cpu") + b"K\x01tQ" + STOP,
         "a persistent object"),
        (b"}(" + b")" + string("v") + b"u" + STOP, "a tuple as a key"),
        (b"](" + string("k") + string("v") + b"u" + STOP, "setting items of a list"),
        (b"}(" + string("k") + b"u" + STOP, "setting items of a dict"),
        (b"}" + string("v") + b"a" + STOP, "appending to a dict"),
        (ORDERED_DICT + b"(" + string("v") + b"e" + STOP, "appending to a _Global"),
        (ORDERED_DICT + STOP, "does not end with one value"),
        (b"(" + STOP, "does not end with one value"),
        (b"}}" + STOP, "does not end with one value"),
        (STOP, "does not end with one value"),
        (b"a" + STOP, "damaged"),
        (b"u" + STOP, "damaged"),
        (b"h\x05" + STOP, "damaged"),
        (b"q\x00" + STOP, "damaged"),
        (b"\xff" + STOP, "opcode ff"),
        (b"", "damaged"),
        (b"}", "damaged"),
        (b"X\xff\xff\xff\x7fabc" + STOP, "damaged"),
        (b"X\x02\x00\x00\x00\xff\xfe" + STOP, "damaged"),
        (b"\x8d" + b"\xff" * 8 + STOP, "opcode BINUNICODE8"),
    ],
)  # fmt: skip
def test_opcodes_that_are_refused(data, found):
    assert found in refusal(data)


@pytest.mark.parametrize("view", [(-1, (2,), (1,)), (0, (-2,), (1,)), (0, (2,), (-1,)),
                                  (0, (2, 2), (1,)), (0, ("2",), (1,)), (0, (2**50,), (1,)),
                                  ("0", (2,), (1,))])  # fmt: skip
def test_tensors_that_no_array_can_be(view):
    arguments = b"(" + storage("float32", "0", 4) + b"".join(map(opcodes, view)) + b"\x89}t"

    refusal(b"\x80\x02" + REBUILD + arguments + b"R" + STOP)


def test_registered_extensions_are_not_looked_up(tmp_path):
    marker = tmp_path / "marker"
    copyreg.add_extension(Touched.__module__, Touched.__qualname__, 200)
    try:
        data = pickle.dumps(Call(Touched, str(marker)), 2)
        assert b"\x82\xc8" in data
        pickle.loads(data)  # also fills the cache from which extensions come without an import
        marker.unlink()

        refusal(data)
    finally:
        copyreg.remove_extension(Touched.__module__, Touched.__qualname__, 200)

    assert not marker.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        {"dims": {"n_mels": 80, "big": 2**70, "negative": -1}, "é": [True, False, None]},
        [0.5, -1e300, 255, 256, 65535, 65536, -(2**31), 2**31],
        [],
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        "x" * 300,
        {1: ["shared"] * 3},
    ],
)
def test_plain_data(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 4])
def test_ordered_dicts_lose_their_attributes(protocol):
    value = OrderedDict(a=1, b=2)
    value._metadata = {"version": 1, "clear": "harmless"}

    result = read(pickle.dumps(value, protocol))

    assert type(result) is dict
    assert list(result.items()) == [("a", 1), ("b", 2)]


def test_tensors_are_described():
    tensor = TorchTensor("float16", (2, 3), "7", 10, offset=4, strides=(1, 2))

    assert read(pickled({"w": tensor})) == {
        "w": TensorView(Storage("7", "float16", 10), 4, (2, 3), (1, 2))
    }


def test_the_memo_may_have_any_index():
    """CPython's machine would allocate a table of 32 GiB here."""
    data = b"\x80\x02" + string("x") + b"r\xff\xff\xff\xff0j\xff\xff\xff\xff" + STOP

    assert "opcode POP" in refusal(data)
    assert read(data.replace(b"0j", b"j").replace(STOP, b"\x86" + STOP)) == ("x", "x")


def test_a_pickle_larger_than_any_model_needs():
    assert f"at most {MAX_PICKLE_BYTES}" in refusal(b"}" * (MAX_PICKLE_BYTES + 1))


def test_a_long_name_does_not_fill_the_terminal():
    assert len(refusal(global_name("os", "x" * 100_000) + STOP)) < 300


def test_deep_nesting_does_not_exhaust_the_stack():
    result = read(b"]" * 1000 + b"a" * 999 + STOP)

    for _ in range(999):
        (result,) = result
    assert result == []


def test_a_container_may_hold_itself():
    result = read(b"]q\x00h\x00a" + STOP)

    assert result[0] is result


def test_every_truncation_and_many_changed_bytes_give_data_or_one_error():
    tensor = TorchTensor("bfloat16", (2,), "0", 2)
    data = pickled({"dims": {"n_mels": 80}, "model_state_dict": {"a": tensor, "b": tensor}})
    for length in range(len(data)):
        refusal(data[:length])
    generator = random.Random(7)
    for _ in range(3000):
        changed = bytearray(data)
        changed[generator.randrange(len(data))] = generator.randrange(256)
        try:
            read(bytes(changed))
        except UnsupportedModel as error:
            assert "\n" not in str(error)  # noqa: PT017 - most changes are harmless, some are not
