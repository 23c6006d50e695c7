"""Measurements of speed, memory and quality. Not installed."""
