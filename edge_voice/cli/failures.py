"""From an exception to one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

from edge_voice.cli import terminal
from edge_voice.errors import EdgeVoiceError, StoreError

INTERRUPTED = 130  # what shells say of a program that SIGINT ended
CLOSED_PIPE = 141  # likewise for SIGPIPE
_EXPORT_PACKAGES = frozenset(
    {"edge_voice_export", "onnx", "onnx_ir", "safetensors", "ml_dtypes", "huggingface_hub"}
)


def report(error: BaseException, *, debug: bool) -> int:
    """Prints what happened and returns the exit code.

    Args:
        error: What a command raised.
        debug: Print the traceback too.
    """
    if debug:
        traceback.print_exception(error)
    if isinstance(error, BrokenPipeError):
        _abandon_stdout()
        return CLOSED_PIPE
    if _is_interrupt(error):
        terminal.say("interrupted")
        return INTERRUPTED
    terminal.error(_message(error))
    if isinstance(error, EdgeVoiceError):
        return error.exit_code
    if isinstance(error, OSError):
        _abandon_stdout()
        return StoreError.exit_code
    return EdgeVoiceError.exit_code


def _is_interrupt(error: BaseException | None) -> bool:
    """Ctrl-C, also where the import of a compiled module has made another error of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _message(error: BaseException) -> str:
    if isinstance(error, EdgeVoiceError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory (a smaller model or --precision int4 needs less)"
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        if package in _EXPORT_PACKAGES:
            return f'{package} is not installed: pip install "edge-voice[export]"'
    return f"internal error: {type(error).__name__}: {error} (edge-voice --debug shows where)"


def _abandon_stdout() -> None:
    """Lets what is still buffered go nowhere; Python would complain about it when it exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
