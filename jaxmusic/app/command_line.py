"""`jaxmusic`, or `python -m jaxmusic`: from a library of music to a model, a map, searches and playlists."""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import tyro

from jaxmusic._programs import keep_compiled_programs
from jaxmusic.app.commands import Command, Fit
from jaxmusic.app.running import run

_DESCRIPTION = """A model of your own music: fit one to a folder of music, then map, search and recommend.

  jaxmusic fit ~/Music --out my_model
  jaxmusic map my_model ~/Music --out map.html
  jaxmusic search my_model rain on my window
  jaxmusic recommend my_model "Artist/Album/01 - Title.mp3" "Another Title"
  jaxmusic update my_model"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, 1 with one line on standard error that says what to fix, 130 if stopped.

    Where nobody reads what is printed any longer, as behind `| head`, it is 141.
    """
    # A write that fails is reported in one line; Orbax would log a thousand before it.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    # Of no use to anyone who has just stopped a command.
    warnings.filterwarnings("ignore", message=r".*tasks have been successfully executed")
    for stream in (sys.stdout, sys.stderr):
        # A name that the console's encoding lacks is written with escapes, and no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    command: Any = None
    try:
        command = tyro.cli(Command, args=arguments, prog="jaxmusic", description=_DESCRIPTION)
        keep_compiled_programs()
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _note(message)
            run(command)
        sys.stdout.flush()
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if isinstance(command, Fit) else ""
        print(f"jaxmusic: stopped{goes_on}", file=sys.stderr)
        return 130
    except sqlite3.Error as error:
        print(f"jaxmusic: the cache of sentence embeddings cannot be used: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError, FloatingPointError) as error:
        if isinstance(error, BrokenPipeError) and _is_unread():
            return 141
        print(f"jaxmusic: {error}", file=sys.stderr)
        return 1
    return 0


def _is_unread() -> bool:
    """Whether standard output has no reader; Python's own flush at the end then says nothing of it, either."""
    try:
        # What could not be written is forgotten by now: a flush alone would be content.
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _note(message: Warning | str) -> None:
    """Say what a library warns of; above the progress bar, not in it."""
    from tqdm import tqdm

    tqdm.write(f"jaxmusic: note: {message}", file=sys.stderr)
