"""`python -m patchlearn`, the command `patchlearn`, and what `accelerate launch -m patchlearn` starts."""

import sys

INTERRUPTED = 130


def start() -> int:
    """The command line; returns the exit code. Loading it takes a moment, in which Ctrl-C is no traceback either."""
    try:
        from patchlearn.cli.main import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(start())
