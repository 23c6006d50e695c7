"""Exports through optimum, in an environment of its own."""
