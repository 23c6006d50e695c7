"""`python -m edge_voice` is `edge-voice`."""

from edge_voice.cli import main

main(prog_name="edge-voice")
