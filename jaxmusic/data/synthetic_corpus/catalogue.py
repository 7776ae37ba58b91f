"""What is known of a song beside its sound and words: its artist, its album, its year, and listeners' tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmusic.data.synthetic_corpus.factors import Artists
from jaxmusic.data.synthetic_corpus.lyrics import WORDS, titled
from jaxmusic.data.synthetic_corpus.streams import Purpose, stream

__all__ = ["TAGS", "artist_name", "draw_metadata", "draw_tags"]

# Words that listeners use of a song with a factor's value; none is the value's own name.
TAGS: dict[str, dict[str, tuple[str, ...]]] = {
    "genre": {
        "ambient": ("atmospheric", "soundscape", "ethereal", "sleep", "space"),
        "electronic": ("club", "synth", "four on the floor", "dj", "bassline"),
        "folk": ("acoustic", "singer-songwriter", "roots", "traditional", "campfire"),
        "hiphop": ("beats", "urban", "old school", "rhymes", "sampling"),
        "jazz": ("swing", "lounge", "improvisation", "saxophone", "smooth"),
        "rock": ("guitars", "riffs", "live band", "garage", "stadium"),
    },
    "mood": {
        "angry": ("aggressive", "intense", "protest"),
        "calm": ("mellow", "relaxing", "peaceful"),
        "happy": ("feel good", "party", "summer"),
        "sad": ("melancholy", "heartbreak", "rainy day"),
    },
    "language": {"bn": ("kolkata", "dhaka", "south asian"), "en": ("london", "american", "transatlantic")},
}
# Said of anything: they tell nothing about a song.
_ANY_TAGS = ("favourites", "seen live", "beautiful", "awesome", "check out", "2000s", "under 2000 listeners", "cover")

_TAG_CHANCE = {"genre": 0.45, "mood": 0.35, "language": 0.30}
_WRONG_TAG_CHANCE = 0.03
_ANY_TAG_CHANCE = 0.12
_UNKNOWN_YEAR_CHANCE = 0.1
_NAME_STRIDE = 487  # a prime


def artist_name(seed: tuple[int, ...], artist: int, language: str) -> str:
    """The name of an artist, unique within the corpus: the names' two halves are combined in a drawn order."""
    first, last = WORDS[language].ARTIST_FIRST, WORDS[language].ARTIST_LAST
    pairs = len(first) * len(last)
    # A stride without common divisor with the number of pairs walks through all of them before any comes back.
    place = (int(stream(seed, Purpose.NAMES, 0).integers(pairs)) + artist * _NAME_STRIDE) % pairs
    name = f"{first[place % len(first)]} {last[place // len(first)]}"
    return name if artist < pairs else f"{name} {artist // pairs + 1}"


def draw_metadata(seed: tuple[int, ...], artists: Artists, titles: Sequence[str]) -> dict[str, np.ndarray]:
    """A table of the songs.

    Returns:
        `title`, `album`, `artist`, `[n]` str; `duration` in seconds (of the song, not of the rendered clip); `year`,
        0 where unknown; `artist_hotness` in [0, 1], one value for each artist.
    """
    rows = [
        _describe(seed, clip, int(artist), str(artists.language[artist])) for clip, artist in enumerate(artists.of_clip)
    ]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"title": np.array(titles), **table}


def _describe(seed: tuple[int, ...], clip: int, artist: int, language: str) -> dict[str, str | float | int]:
    """One song's row: the artist's part from the artist's stream, which all songs of the artist share."""
    of_artist, of_song = stream(seed, Purpose.ARTIST, artist), stream(seed, Purpose.METADATA, clip)
    hotness, debut = float(of_artist.beta(2.0, 3.0)), int(of_artist.integers(1965, 2015))
    places = [place for group in WORDS[language].PLACES.values() for place in group]
    albums = [titled(str(name)) for name in of_artist.choice(places, 3, replace=False)]
    years = debut + np.cumsum(of_artist.integers(1, 4, 3))
    album = int(of_song.choice(3, p=(0.5, 0.3, 0.2)))
    known = of_song.random() >= _UNKNOWN_YEAR_CHANCE
    return {
        "album": albums[album],
        "artist": artist_name(seed, artist, language),
        "duration": round(float(of_song.lognormal(np.log(225.0), 0.25)), 2),
        "year": int(years[album]) if known else 0,
        "artist_hotness": hotness,
    }


def draw_tags(rng: np.random.Generator, song: Mapping[str, str]) -> list[str]:
    """The tags that listeners gave a song, in alphabetical order: some fit, some are missing, a few are wrong.

    Args:
        rng: the song's random stream.
        song: its `genre`, `mood` and `language`.
    """
    given: list[str] = []
    for factor, by_value in TAGS.items():
        for value, tags in by_value.items():
            chance = _TAG_CHANCE[factor] if value == song[factor] else _WRONG_TAG_CHANCE
            given += [tag for tag, said in zip(tags, rng.random(len(tags)) < chance, strict=True) if said]
    given += [tag for tag, said in zip(_ANY_TAGS, rng.random(len(_ANY_TAGS)) < _ANY_TAG_CHANCE, strict=True) if said]
    return sorted(given)
