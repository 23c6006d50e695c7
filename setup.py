"""Finds the packages: `export/` installs as `edge_voice_export`, the rest under its own name.

A top-level package called `export` would collide with others on the index and with people's own
export.py. pyproject.toml can rename one folder but not its subfolders without listing them all,
and adding a model must not mean editing a list.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["edge_voice", "edge_voice.*"]),
        "edge_voice_export",
        *(f"edge_voice_export.{name}" for name in find_packages("export")),
    ],
    package_dir={"edge_voice_export": "export"},
    package_data={
        "edge_voice": ["py.typed", "data/*", "hub/catalog.toml"],
        "edge_voice_export": ["py.typed", "data/*"],
    },
)
