"""`python -m edge_voice_export`: the export command on its own, as the store runs it."""

import sys

from edge_voice.errors import EdgeVoiceError

from .cli import export

if __name__ == "__main__":
    try:
        export.main(prog_name="edge_voice_export", standalone_mode=True)
    except EdgeVoiceError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
