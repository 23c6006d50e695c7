"""Every error that edge_voice raises on purpose.

EdgeVoiceError
├─ ModelError                       something is wrong with a model
│  ├─ ModelNotFound(FileNotFoundError)
│  ├─ ManifestError(ValueError)     manifest.json missing, unreadable or inconsistent
│  ├─ GraphMismatch(ValueError)     a graph's inputs or outputs are not what the code expects
│  ├─ ChecksumMismatch              a file's bytes are not the ones the manifest or catalog names
│  └─ UnsupportedModel(ValueError)  a checkpoint or model type that nothing here can handle
├─ AudioError(ValueError)           unreadable, empty, too long, not finite
├─ OptionError(ValueError)          unknown language, voice, format, precision
├─ StoreError(OSError)              the store cannot be written: disk full, no permission, locked
└─ FetchError(OSError)              every source failed, or the network is forbidden

A message says what was found and what is allowed, in one line. The command line prints it and
exits with `exit_code`; see docs/cli.md for the table.
"""


class EdgeVoiceError(Exception):
    """Base of the tree; catch it to catch everything raised on purpose."""

    exit_code = 1


class ModelError(EdgeVoiceError):
    """Something is wrong with a model."""

    exit_code = 3


class ModelNotFound(ModelError, FileNotFoundError):
    """No such model in the catalog, in the store or at the path."""


class ManifestError(ModelError, ValueError):
    """`manifest.json` is missing, unreadable or inconsistent."""


class GraphMismatch(ModelError, ValueError):
    """A graph's inputs or outputs are not what the code on this side expects."""


class ChecksumMismatch(ModelError):
    """A file's bytes are not the ones that the manifest or the catalog names."""


class UnsupportedModel(ModelError, ValueError):
    """A checkpoint layout or model type that nothing here can handle."""


class AudioError(EdgeVoiceError, ValueError):
    """Audio that cannot be used: unreadable, empty, too long, not finite."""

    exit_code = 4


class OptionError(EdgeVoiceError, ValueError):
    """An option's value is not one of those allowed."""

    exit_code = 2


class StoreError(EdgeVoiceError, OSError):
    """The store or an output cannot be written: disk full, no permission, locked."""

    exit_code = 5


class FetchError(EdgeVoiceError, OSError):
    """Every source of a download failed, or the network is forbidden."""

    exit_code = 6
