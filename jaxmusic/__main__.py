"""`python -m jaxmusic fit|map|search|recommend`, and the command `jaxmusic`: see `jaxmusic.app`."""

import sys

from jaxmusic._interrupts import end_on_interrupt


def run() -> int:
    """The command; its exit status is that of `jaxmusic.app.command_line.main`, 130 after Ctrl-C, 143 after SIGTERM."""
    goes_on = "; the same command goes on from here" if sys.argv[1:2] == ["fit"] else ""
    end_on_interrupt(f"jaxmusic: stopped{goes_on}")
    # Imports take seconds, and may be interrupted, too.
    from jaxmusic.app.command_line import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
