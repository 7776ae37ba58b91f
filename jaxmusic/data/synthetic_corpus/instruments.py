"""Instruments: wavetables for what has a pitch, decaying tones and noise for the drums."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

__all__ = ["TABLE_BITS", "add_tone", "drums", "harmonics", "wavetable"]

TABLE_BITS = 11
_FRACTION_BITS = 32 - TABLE_BITS
_FRACTION_MASK = np.uint32((1 << _FRACTION_BITS) - 1)
_MAX_HARMONICS = 40


def harmonics(timbre: str, brightness: float) -> Float[np.ndarray, " harmonics"]:
    """Amplitudes of a timbre's harmonics, the fundamental first, with a total power of 1.

    Args:
        timbre: `"flute"` (few), `"organ"` (octaves and fifths), `"reed"` (odd), `"strings"` (all) or `"pluck"`
            (all, with those missing that a string plucked at a seventh of its length lacks).
        brightness: added to the slope, in powers of the harmonic's number; 0 is plain, positive is brighter.
    """
    number = np.arange(1, _MAX_HARMONICS + 1, dtype=np.float64)
    slope = number ** (brightness * 0.6)
    if timbre == "flute":
        amplitude = number**-3.0 * slope
    elif timbre == "organ":
        amplitude = np.isin(number, (1, 2, 3, 4, 6, 8, 12, 16)) * number**-0.9 * slope
    elif timbre == "reed":
        amplitude = (number % 2) * number**-1.1 * slope
    elif timbre == "strings":
        amplitude = number**-1.2 * slope
    else:
        amplitude = np.abs(np.sin(np.pi * number / 7)) * number**-1.5 * slope
    return amplitude / np.sqrt((amplitude**2).sum())


def wavetable(amplitudes: Float[np.ndarray, " harmonics"], frequency: float, sample_rate: int) -> np.ndarray:
    """One period of a tone, `[2, 2048]` float32: its values and the steps to the next ones.

    Harmonics above 45 % of the sample rate are left out: in a table they would come back as aliases.
    """
    size = 1 << TABLE_BITS
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    kept = min(len(amplitudes), int(0.45 * sample_rate / frequency))
    # Schroeder's phases spread the peaks, so that rich tones are no louder at their peak than plain ones.
    number = np.arange(1, kept + 1)
    spectrum[1 : kept + 1] = amplitudes[:kept] * np.exp(-1j * np.pi * number**2 / _MAX_HARMONICS)
    values = np.fft.irfft(spectrum, size) * (size / np.sqrt(2))
    return np.stack([values, np.roll(values, -1) - values]).astype(np.float32)


def add_tone(
    out: Float[np.ndarray, " samples"],
    table: np.ndarray,
    start: int,
    frequency: float,
    sample_rate: int,
    envelope: Float[np.ndarray, " length"],
    wobble: Float[np.ndarray, " samples"] | None = None,
) -> None:
    """Add one note to `out`, in place; what lies before sample 0 or after the end is left out.

    Args:
        out: the clip.
        table: the tone, from `wavetable`.
        start: the note's first sample, which may be negative.
        frequency: Hz.
        sample_rate: Hz.
        envelope: the note's loudness, sample by sample; its length is the note's.
        wobble: vibrato, as the samples by which the tone is late at each sample of the clip.
    """
    first, last = max(start, 0), min(start + len(envelope), len(out))
    if first >= last:
        return
    # A phase of 32 bits wraps by itself, and keeps its precision however long the note.
    increment = np.uint32(round(frequency / sample_rate * 2**32))
    phase = np.arange(first - start, last - start, dtype=np.uint32) * increment
    if wobble is not None:
        phase += (wobble[first:last] * np.float32(increment)).astype(np.int64).astype(np.uint32)
    index = (phase >> np.uint32(_FRACTION_BITS)).astype(np.intp)
    value = (phase & _FRACTION_MASK).astype(np.float32)
    value *= np.float32(2.0**-_FRACTION_BITS)
    value *= table[1].take(index)
    value += table[0].take(index)
    value *= envelope[first - start : last - start]
    out[first:last] += value


def drums(
    rng: np.random.Generator, sample_rate: int, hat_length: float, brightness: float
) -> dict[str, Float[np.ndarray, " length"]]:
    """The sounds of one drum kit: kick, snare and hat, with a peak near 1.

    Args:
        rng: draws the kit's pitches and its noise.
        sample_rate: Hz.
        hat_length: seconds in which the hat decays to 1/e.
        brightness: -1 to 1, how much of the hat's and snare's noise is high.
    """
    pitch, depth, wires = rng.uniform(44.0, 62.0), rng.uniform(60.0, 160.0), rng.uniform(0.4, 0.8)
    # The noise is drawn at a fixed length, so that the sample rate doesn't shift what is drawn after it.
    noise = rng.standard_normal(96_000).astype(np.float32)

    def seconds(length: float) -> np.ndarray:
        return np.arange(int(length * sample_rate)) / sample_rate

    t = seconds(0.28)
    # The sweep's phase is the integral of pitch + depth · exp(-t / 0.03).
    swept = 2 * np.pi * (pitch * t + depth * 0.03 * (1 - np.exp(-t / 0.03)))
    kick = np.sin(swept) * np.exp(-t / 0.09)
    t = seconds(0.2)
    hiss = _tilt(noise[: len(t)], 0.5 + 0.4 * brightness)
    snare = wires * hiss * np.exp(-t / 0.055) + (1 - wires) * np.sin(2 * np.pi * 3.6 * pitch * t) * np.exp(-t / 0.04)
    t = seconds(min(5 * hat_length, 0.5))
    hat = _tilt(noise[-len(t) :], 0.8 + 0.2 * brightness) * np.exp(-t / hat_length)
    return {"kick": kick.astype(np.float32), "snare": snare.astype(np.float32), "hat": hat.astype(np.float32)}


def _tilt(noise: np.ndarray, highs: float) -> np.ndarray:
    """White noise with its lows taken out by `highs` (0 none, 1 all of what is at 0 Hz), at a peak near 1."""
    tilted = noise - highs * np.concatenate([noise[:1], noise[:-1]])
    return tilted / (3 * np.sqrt(1 + highs**2))
