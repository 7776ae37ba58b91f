"""Factors → sound: each song is composed on a grid of bars, then played by the instruments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.data.synthetic_corpus.factors import MOODS, TIMBRES
from jaxmusic.data.synthetic_corpus.grooves import GROOVES, PROGRESSIONS, SCALES, STEPS, Groove
from jaxmusic.data.synthetic_corpus.instruments import add_tone, drums, harmonics, wavetable
from jaxmusic.data.synthetic_corpus.streams import Purpose, stream

__all__ = ["render_song"]

_LOOP_BARS = 8  # a song repeats its eight bars: so its draws don't depend on how much of it is heard
_LOWEST_C = 65.406  # Hz, C2
_CHANCES = ".123456789x"  # a mark's place is its chance in tenths
_DRUM_LEVELS = {"kick": 0.9, "snare": 0.6, "hat": 0.22}


def render_song(
    seed: tuple[int, ...], clip: int, song: Mapping[str, Any], samples: int, sample_rate: int
) -> Float[np.ndarray, " samples"]:
    """The first `samples` samples of a song.

    Args:
        seed: the corpus's seed.
        clip: the song's row in the corpus, which picks its random stream.
        song: its factors by name.
        samples: length.
        sample_rate: Hz.

    Returns:
        float32 in [-1, 1]. A shorter rendering is the beginning of a longer one.
    """
    return _Player(stream(seed, Purpose.MUSIC, clip), song, samples, sample_rate).play()


class _Player:
    """One song being played: its clock, its instruments, and the sound so far."""

    def __init__(self, rng: np.random.Generator, song: Mapping[str, Any], samples: int, sample_rate: int) -> None:
        self.rng, self.song, self.sample_rate = rng, song, sample_rate
        self.groove: Groove = GROOVES[str(song["groove"])]
        self.feeling = MOODS[str(song["mood"])]
        self.out = np.zeros(samples, np.float32)
        self.step = 15.0 / float(song["tempo"]) * sample_rate  # samples in a sixteenth
        # A clip is cut from its song anywhere: it begins within the first bar.
        self.lead_in = rng.random() * STEPS * self.step
        self.bars = int(np.ceil((samples + self.lead_in) / (STEPS * self.step)))
        # What a recording adds and no factor determines: its tone, its balance, its level and its noise.
        self.tone, self.kit_tone = rng.normal(0.0, 0.45), rng.uniform(-1.0, 1.0)
        self.balance = dict(
            zip(("drums", "bass", "chords", "melody", "drone"), np.exp(rng.normal(0.0, 0.4, 5)), strict=True)
        )
        self.level, self.noise = np.exp(rng.normal(0.0, 0.35)), np.exp(rng.normal(np.log(0.0015), 0.7))
        self.progression = PROGRESSIONS[str(song["mode"])][int(rng.integers(5))]
        self.scale = SCALES[str(song["mode"])]

    def play(self) -> Float[np.ndarray, " samples"]:
        """All voices, mixed; the louder the song's energy, the harder the limiter works."""
        rng, energy = self.rng, float(self.song["energy"])
        self._play_chords()
        self._play_bass()
        self._play_melody()
        self._play_drone()
        self._play_drums()
        bed = rng.standard_normal(1 << 16, dtype=np.float32) * np.float32(self.noise + self.groove.air)
        self.out += np.resize(bed, len(self.out))
        self.out *= np.float32((0.35 + 0.9 * energy) * self.level)
        return np.tanh(self.out, out=self.out)

    def _at(self, bar: int, step: float) -> int:
        """The sample at which a step begins; swing delays the second of each pair of eighths."""
        late = self.groove.swing if step % 4 == 2 else 0.0
        return round((bar * STEPS + step + late) * self.step - self.lead_in)

    def _frequency(self, degree: int, octave: float, above: int = 0) -> float:
        """Hz of a degree of the scale (beyond 6 in the next octave), some semitones above it."""
        semitones = self.scale[degree % 7] + 12 * (degree // 7) + int(self.song["root"]) + above
        return _LOWEST_C * 2.0 ** (octave + semitones / 12)

    def _table(self, timbre: str, brightness: float) -> Any:
        """The timbre's wavetable for a frequency, one for each octave."""
        amplitudes = harmonics(timbre, brightness + self.tone)
        tables: dict[int, np.ndarray] = {}

        def table(frequency: float) -> np.ndarray:
            octave = int(np.ceil(np.log2(frequency)))
            if octave not in tables:
                tables[octave] = wavetable(amplitudes, 2.0**octave, self.sample_rate)
            return tables[octave]

        return table

    def _envelope(self, attack: float, decay: float) -> Any:
        """Note length in samples → loudness: a rise in `attack` s, a fall to 1/e in `decay` s, a release of 15 ms."""
        longest = int(STEPS * self.step) + 1
        fall = np.exp(np.arange(longest, dtype=np.float32) * np.float32(-1.0 / (decay * self.sample_rate)))
        rise = max(int(attack * self.sample_rate), 1)
        fall[:rise] *= np.linspace(0.0, 1.0, rise, endpoint=False, dtype=np.float32)[: len(fall)]
        release = np.linspace(1.0, 0.0, max(int(0.015 * self.sample_rate), 1), dtype=np.float32)

        def envelope(length: float, level: float) -> np.ndarray:
            loudness = fall[: max(int(length), 1)] * np.float32(level)
            tail = min(len(release), len(loudness))
            loudness[-tail:] *= release[-tail:]
            return loudness

        return envelope

    def _add(self, table: Any, start: int, frequency: float, envelope: np.ndarray, wobble: Any = None) -> None:
        add_tone(self.out, table(frequency), start, frequency, self.sample_rate, envelope, wobble)

    def _play_chords(self) -> None:
        """The song's timbre, in the style of the groove."""
        groove, timbre = self.groove, str(self.song["timbre"])
        table = self._table(timbre, 0.6 * float(self.song["energy"]) - 0.3 + 0.5 * self.feeling.brightness)
        level = 0.16 * self.balance["chords"]
        decay = 0.45 if timbre == "pluck" else 2.5
        inversion = int(self.rng.integers(3))
        envelope = self._envelope(0.08 if groove.chords == "held" else 0.008, decay)
        for bar in range(self.bars):
            degree = self.progression[bar % 4]
            thirds = (0, 2, 4, 6) if groove.seventh else (0, 2, 4)
            notes = [degree + third + (7 if place < inversion else 0) for place, third in enumerate(thirds)]
            frequencies = [self._frequency(note, 1.0) for note in notes]
            if groove.chords == "arpeggio":
                for step in range(0, STEPS, 2):
                    frequency = frequencies[(step // 2) % len(frequencies)]
                    self._add(table, self._at(bar, step), frequency, envelope(4 * self.step, 1.5 * level))
                continue
            steps = groove.stabs if groove.chords == "stabs" else (0,)
            length = (1.7 if groove.chords == "stabs" else STEPS) * self.step
            for step in steps:
                for frequency in frequencies:
                    self._add(table, self._at(bar, step), frequency, envelope(length, level))

    def _play_bass(self) -> None:
        """The groove's bass line under the chords' roots."""
        table = self._table("reed", -0.8)
        level = 0.3 * self.balance["bass"]
        bass = self.groove.bass
        envelope = self._envelope(0.006, 0.6)
        for bar in range(self.bars):
            for place, (step, above) in enumerate(bass):
                end = bass[place + 1][0] if place + 1 < len(bass) else STEPS
                frequency = self._frequency(self.progression[bar % 4], 0.0, above)
                self._add(table, self._at(bar, step), frequency, envelope(0.9 * (end - step) * self.step, level))

    def _play_melody(self) -> None:
        """A tune of eight bars: as many notes as the density says, higher and brighter as the mood says."""
        song, rng, feeling = self.song, self.rng, self.feeling
        timbre = TIMBRES[int(rng.integers(len(TIMBRES)))] if rng.random() < 0.3 else str(song["timbre"])
        table = self._table(timbre, feeling.brightness)
        level = 0.26 * self.balance["melody"]
        envelope = self._envelope(0.02, 0.25 if timbre == "pluck" else 0.9)
        ornament = float(song["ornament"])
        wobble = self._vibrato(ornament)
        graced = rng.random(_LOOP_BARS * STEPS) < 0.7 * ornament
        tune = self._compose()
        octave = 2.0 + np.round(feeling.register + rng.normal(0.0, 0.3))
        for bar in range(self.bars):
            first = (bar % _LOOP_BARS) * STEPS
            for step, degree, length in tune[bar % _LOOP_BARS]:
                start, frequency = self._at(bar, step), self._frequency(degree, octave)
                if graced[first + step]:
                    grace = int(0.5 * self.step)
                    self._add(table, start, self._frequency(degree + 1, octave), envelope(grace, level), wobble)
                    start += grace
                self._add(table, start, frequency, envelope(0.95 * length * self.step, level), wobble)

    def _vibrato(self, ornament: float) -> Float[np.ndarray, " samples"]:
        """Samples of delay that bend the pitch by up to 2.5 %, 5.5 times a second."""
        turn = 2 * np.pi * 5.5 / self.sample_rate
        delay = np.sin(np.arange(len(self.out), dtype=np.float32) * np.float32(turn))
        return delay * np.float32(0.025 * ornament / turn)

    def _compose(self) -> list[list[tuple[int, int, int]]]:
        """For each bar of the loop its notes: step, degree, length in steps."""
        rng, density = self.rng, float(self.song["density"])
        strong = np.tile([0.95, 0.05, 0.45, 0.05], 4)
        chance = np.clip(strong * (0.25 + 1.1 * density) + 0.35 * density**2, 0.0, 0.97)
        sounds, moves = rng.random((_LOOP_BARS, STEPS)) < chance, rng.integers(-2, 3, (_LOOP_BARS, STEPS))
        degree, tune = 0, []
        for bar in range(_LOOP_BARS):
            steps = np.flatnonzero(sounds[bar])
            ends = np.append(steps[1:], STEPS)
            notes = []
            for place, step in enumerate(steps.tolist()):
                degree = int(np.clip(degree + moves[bar, step], -3, 9))
                if step == 0:  # a bar begins on a note of its chord
                    degree = self.progression[bar % 4] % 7 + 2 * int(moves[bar, step] > 0)
                notes.append((step, degree, min(int(ends[place]) - step, 6)))
            tune.append(notes)
        return tune

    def _play_drone(self) -> None:
        """The tonic and its fifth, held: one table whose third and second harmonics they are."""
        amount = float(self.song["drone"])
        amplitudes = np.zeros(40)
        buzz = harmonics("strings", 0.8 + self.tone)
        amplitudes[1::2] += buzz[:20]
        amplitudes[2::3] += 0.6 * buzz[:13]
        fundamental = self._frequency(0, 1.0) / 2
        table = partial(wavetable, amplitudes, sample_rate=self.sample_rate)
        level = 0.13 * amount**1.5 * self.balance["drone"]
        envelope = self._envelope(0.05, 1.8)
        for bar in range(self.bars):
            self._add(table, self._at(bar, 0), fundamental, envelope(STEPS * self.step, level))

    def _play_drums(self) -> None:
        """Two bars drawn from the groove's lines, repeated; the energy sets how loud."""
        rng, groove = self.rng, self.groove
        kit = drums(rng, self.sample_rate, groove.hat_length * rng.uniform(0.7, 1.4), self.kit_tone)
        level = groove.drums * (0.35 + 0.8 * float(self.song["energy"])) * self.balance["drums"]
        for name, line in (("kick", groove.kick), ("snare", groove.snare), ("hat", groove.hat)):
            chance = np.array([_CHANCES.index(mark) / 10 for mark in line])
            sounds, force = rng.random((2, STEPS)) < chance, rng.uniform(0.75, 1.0, (2, STEPS))
            sound = kit[name] * np.float32(level * _DRUM_LEVELS[name])
            for bar in range(self.bars):
                for step in np.flatnonzero(sounds[bar % 2]).tolist():
                    self._hit(sound * np.float32(force[bar % 2, step]), self._at(bar, step))

    def _hit(self, sound: np.ndarray, start: int) -> None:
        first, last = max(start, 0), min(start + len(sound), len(self.out))
        if first < last:
            self.out[first:last] += sound[first - start : last - start]
