"""Open-weight speech models on any CPU, without PyTorch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_voice.live import listen as listen
    from edge_voice.loader import load as load

# onnxruntime's Linux wheels send telemetry unless this is set before their first import;
# its own `disable_telemetry_events()` comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
__all__ = ["__version__", "listen", "load"]


def __getattr__(name: str) -> object:
    """Loads functions on first use: `import edge_voice` must stay free of numpy and onnxruntime."""
    if name == "load":
        from edge_voice.loader import load

        return load
    if name == "listen":
        from edge_voice.live import listen

        return listen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
