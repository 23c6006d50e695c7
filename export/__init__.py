"""Turns published checkpoints into bundles: ONNX graphs, assets and a manifest."""

from .pipeline import export_bundle

__all__ = ["export_bundle"]
