"""Grooves: what drums, bass and chords play in one bar, on a grid of sixteen steps."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GROOVES", "PROGRESSIONS", "SCALES", "STEPS", "Groove"]

STEPS = 16


class Groove(NamedTuple):
    """One bar of accompaniment.

    Each drum's line holds a digit per step: its chance of sounding there, in tenths ("." for never, "x" for always).

    Attributes:
        kick, snare, hat: the drums' lines.
        hat_length: seconds in which the hat decays to 1/e.
        drums: their level.
        bass: (step, semitones above the chord's root) of the bar's bass notes.
        chords: `"held"` for the whole bar, `"stabs"` on `stabs`, or `"arpeggio"`.
        stabs: the steps of the stabs.
        seventh: whether chords have a seventh.
        swing: how far, in steps, every second eighth is delayed.
        air: level of the broadband bed (room, vinyl, breath).
    """

    kick: str
    snare: str
    hat: str
    hat_length: float
    drums: float
    bass: tuple[tuple[int, int], ...]
    chords: str
    stabs: tuple[int, ...] = ()
    seventh: bool = False
    swing: float = 0.0
    air: float = 0.0


GROOVES = {
    "ambient": Groove(
        "7...............",
        "................",
        "x...6...8...6...",
        0.030,
        0.30,
        ((0, 0),),
        "held",
        air=0.006,
    ),
    "electronic": Groove(
        "x...x...x...x...",
        "....6.......6..2",
        "..x...x...x...x.",
        0.035,
        0.80,
        ((2, 0), (6, 0), (10, 0), (14, 12)),
        "stabs",
        (0, 3, 6, 10, 14),
    ),
    "folk": Groove(
        "6.......5.......",
        "................",
        "x.6.x.6.x.6.x.6.",
        0.025,
        0.35,
        ((0, 0), (8, 7)),
        "arpeggio",
    ),
    "hiphop": Groove(
        "x..5..4...x..3..",
        "....x.......x...",
        "x3x3x3x3x3x3x3x3",
        0.018,
        0.70,
        ((0, 0), (7, 0), (10, 0)),
        "stabs",
        (0, 8),
        air=0.004,
    ),
    "jazz": Groove(
        "4.......3.......",
        "....3.....2.3...",
        "x...x.x.x...x.x.",
        0.110,
        0.40,
        ((0, 0), (4, 4), (8, 7), (12, 9)),
        "stabs",
        (3, 10),
        seventh=True,
        swing=1.2,
    ),
    "rock": Groove(
        "x.....4.x.6.....",
        "....x.......x...",
        "x.x.x.x.x.x.x.x.",
        0.055,
        0.90,
        tuple((step, 0) for step in range(0, 16, 2)),
        "stabs",
        (0, 2, 4, 6, 8, 10, 12, 14),
    ),
}

# Semitones above the root of the scale's seven degrees; minor is the natural minor.
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}

# Degrees (0 is the tonic) of the four chords that a song repeats.
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (0, 1, 4, 0), (0, 3, 0, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 5, 3, 4), (0, 3, 6, 2)),
}
