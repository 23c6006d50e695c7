"""`python -m edge_voice_export`: the export command on its own, as the store runs it."""

import sys

import click

from edge_voice.cli import failures

from .cli import export

if __name__ == "__main__":
    try:
        export.main(prog_name="edge_voice_export", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BaseException as error:  # the last place where anything can be said about it
        sys.exit(failures.report(error, debug=False))
