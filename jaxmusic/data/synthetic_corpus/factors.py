"""What a song is made from: the factors, the ranges they take, and which shapes which.

The couplings, all of them:

- genre → range of tempo, centre of energy, weights of the timbres, groove (drums, bass, chord style).
- mood → mode, energy (by its arousal), register of the melody, brightness of melody and chords; and the theme, the
  mood that the lyrics speak of, which is another one in some songs.
- theme → the lines of the lyrics.
- language → ornament and drone, whose distributions overlap; and the words of the lyrics.
- genre → the places and things that the lyrics mention, loosely.

Genre, mood, language, density and root are independent of each other. An artist has a genre and a language and keeps
to them in most songs; artists come in rosters that hold each pair of the two once, so the pair stays independent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxmusic.data.synthetic_corpus.streams import Purpose, stream

__all__ = ["GENRES", "LANGUAGES", "MODES", "MOODS", "TIMBRES", "Genre", "Mood", "draw_artists", "draw_factors"]

LANGUAGES = ("en", "bn")
MODES = ("major", "minor")
TIMBRES = ("flute", "organ", "reed", "strings", "pluck")


class Genre(NamedTuple):
    """Tempo range in BPM, centre of energy in [0, 1], weights of the `TIMBRES`."""

    tempo: tuple[float, float]
    energy: float
    timbres: tuple[float, ...]


class Mood(NamedTuple):
    """Probability of the major mode, shift of energy, octaves the melody is raised by, brightness added."""

    major: float
    arousal: float
    register: float
    brightness: float


GENRES = {
    "ambient": Genre((60.0, 92.0), 0.25, (0.40, 0.25, 0.05, 0.25, 0.05)),
    "electronic": Genre((112.0, 142.0), 0.65, (0.05, 0.30, 0.35, 0.25, 0.05)),
    "folk": Genre((78.0, 126.0), 0.35, (0.25, 0.05, 0.05, 0.15, 0.50)),
    "hiphop": Genre((72.0, 106.0), 0.55, (0.10, 0.35, 0.20, 0.15, 0.20)),
    "jazz": Genre((90.0, 168.0), 0.40, (0.15, 0.20, 0.40, 0.05, 0.20)),
    "rock": Genre((100.0, 152.0), 0.75, (0.05, 0.15, 0.20, 0.40, 0.20)),
}
MOODS = {
    "angry": Mood(0.15, 0.18, -0.5, 0.7),
    "calm": Mood(0.75, -0.18, -0.5, -0.6),
    "happy": Mood(0.90, 0.12, 0.8, 0.5),
    "sad": Mood(0.15, -0.12, 0.5, -0.6),
}

# A song keeps to its artist's genre and language in these shares, and is drawn freely otherwise.
_KEEPS_GENRE = 0.8
_KEEPS_LANGUAGE = 0.9
# The share of songs whose groove is borrowed from any genre: what keeps the drums from naming the genre.
_BORROWED_GROOVE = 0.15
# The share of songs whose words speak of a mood drawn freely: glad words to a tune of sorrow.
_FREE_THEME = 0.15

_ROSTER_CLIPS = 40
_PAIRS = tuple((genre, language) for genre in GENRES for language in LANGUAGES)
# Few artists have many songs and many have few; the mildest of power laws keeps the roster's pairs near balance.
_POPULARITY = 1.0 / np.arange(3, 3 + len(_PAIRS))


class Artists(NamedTuple):
    """For each artist the preferred genre and language; for each clip its artist."""

    genre: np.ndarray
    language: np.ndarray
    of_clip: np.ndarray


def draw_artists(seed: tuple[int, ...], n_clips: int) -> Artists:
    """The rosters that `n_clips` songs need, and the artist of each song.

    Forty songs in a row share a roster of twelve artists, one for each pair of genre and language.
    """
    genre: list[str] = []
    language: list[str] = []
    of_clip = np.empty(n_clips, np.int64)
    for roster, first in enumerate(range(0, n_clips, _ROSTER_CLIPS)):
        rng = stream(seed, Purpose.ROSTER, roster)
        pairs = [_PAIRS[pair] for pair in rng.permutation(len(_PAIRS))]
        genre += [pair[0] for pair in pairs]
        language += [pair[1] for pair in pairs]
        chosen = rng.choice(len(_PAIRS), _ROSTER_CLIPS, p=_POPULARITY / _POPULARITY.sum())
        members = roster * len(_PAIRS) + chosen
        of_clip[first : first + _ROSTER_CLIPS] = members[: n_clips - first]
    return Artists(np.array(genre), np.array(language), of_clip)


def draw_factors(seed: tuple[int, ...], artists: Artists) -> dict[str, np.ndarray]:
    """The factors of every song.

    Returns:
        name → `[n]`: `genre`, `mood`, `theme`, `language`, `mode`, `timbre`, `groove` (the genre whose groove is
        played), str;
        `tempo` in BPM; `energy`, `density`, `ornament`, `drone` in [0, 1]; `root`, a pitch class 0 to 11.
    """
    songs = [
        _draw_song(stream(seed, Purpose.FACTORS, clip), str(artists.genre[artist]), str(artists.language[artist]))
        for clip, artist in enumerate(artists.of_clip)
    ]
    return {name: np.array([song[name] for song in songs]) for name in songs[0]}


def _draw_song(rng: np.random.Generator, artist_genre: str, artist_language: str) -> dict[str, str | float | int]:
    """The factors of one song by an artist of the given genre and language."""
    genre = artist_genre if rng.random() < _KEEPS_GENRE else str(rng.choice(list(GENRES)))
    language = artist_language if rng.random() < _KEEPS_LANGUAGE else str(rng.choice(LANGUAGES))
    mood = str(rng.choice(list(MOODS)))
    groove = str(rng.choice(list(GENRES))) if rng.random() < _BORROWED_GROOVE else genre
    style, feeling = GENRES[genre], MOODS[mood]
    theme = str(rng.choice(list(MOODS))) if rng.random() < _FREE_THEME else mood
    decorated = (4.0, 2.0) if language == "bn" else (2.0, 4.0)
    return {
        "genre": genre,
        "mood": mood,
        "theme": theme,
        "language": language,
        "mode": "major" if rng.random() < feeling.major else "minor",
        "timbre": str(rng.choice(TIMBRES, p=style.timbres)),
        "groove": groove,
        "tempo": float(rng.uniform(*style.tempo)),
        "energy": float(np.clip(style.energy + feeling.arousal + rng.normal(0.0, 0.08), 0.0, 1.0)),
        "density": float(rng.random()),
        "ornament": float(rng.beta(*decorated)),
        "drone": float(rng.beta(*decorated)),
        "root": int(rng.integers(12)),
    }
