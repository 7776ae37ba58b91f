"""The embedded corpus → a file in the layout of `tcc_ceds_music.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from jaxmusic.data._lyrics_table import COLUMNS, FEATURES, FILE_NAME
from jaxmusic.data.synthetic_corpus.corpus import Corpus, draw_corpus
from jaxmusic.data.tables import write_table

__all__ = ["write_lyrics_table"]

# The table's names for the corpus's genres; the table has no others that would fit, and pop stays empty.
_GENRES = {
    "ambient": "blues", "electronic": "reggae", "folk": "country", "hiphop": "hip hop", "jazz": "jazz", "rock": "rock"
}  # fmt: skip
# Topics that a mood raises.
_TOPICS = {
    "angry": ("violence", "obscene"), "calm": ("light/visual perceptions", "family/spiritual", "night/time"),
    "happy": ("shake the audience", "romantic", "music"), "sad": ("sadness", "feelings", "world/life"),
}  # fmt: skip
_ACOUSTIC = {"flute": 0.7, "organ": 0.35, "reed": 0.55, "strings": 0.45, "pluck": 0.8}
_N_TOPICS = 16


def write_lyrics_table(key: PRNGKeyArray, n_songs: int, folder: str | Path) -> Path:
    """Write songs of the embedded corpus as a 31-column table that `lyrics_table` reads.

    Audio features follow the song's factors with noise (loudness and energy its energy, danceability its tempo,
    acousticness its timbre, valence its mood), topics follow the theme of its lyrics; none names the genre.

    Args:
        key: a jax random key; the same key gives the same file.
        n_songs: number of songs.
        folder: made where missing; the file is `tcc_ceds_music.csv`.

    Returns:
        The file's path.
    """
    corpus = draw_corpus(key, n_songs, n_listeners=0)
    rng = np.random.default_rng(np.random.SeedSequence([*corpus.seed, n_songs]))
    rows = [_row(corpus, i, rng) for i in range(n_songs)]
    path = Path(folder).expanduser() / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, COLUMNS, [[str(row[name]) for name in COLUMNS] for row in rows])
    return path


def _row(corpus: Corpus, i: int, rng: np.random.Generator) -> dict[str, Any]:
    factors = {name: values[i] for name, values in corpus.factors.items()}
    weights = np.full(_N_TOPICS, 0.05)
    for topic in _TOPICS[str(factors["theme"])]:
        weights[FEATURES.index(topic)] += 0.6
    topics = rng.dirichlet(weights)
    noise = rng.normal(0.0, 0.08, 6)
    bright = 0.65 if factors["mode"] == "major" else 0.35
    sound = {
        "danceability": 0.75 - abs(float(factors["tempo"]) - 115.0) / 120.0 + noise[0],
        "loudness": 0.4 + 0.5 * float(factors["energy"]) + noise[1],
        "acousticness": _ACOUSTIC[str(factors["timbre"])] + 2 * noise[2],
        "instrumentalness": 0.5 * float(factors["drone"]) + noise[3],
        "valence": bright + 2 * noise[4],
        "energy": float(factors["energy"]) + noise[5],
    }
    values = {**dict(zip(FEATURES[:_N_TOPICS], topics, strict=True)), **sound}
    year = int(corpus.metadata["year"][i]) or 1990
    lyrics = " ".join(str(corpus.lyrics[i]).split())
    return {
        "": i,
        "artist_name": corpus.metadata["artist"][i],
        "track_name": f"{corpus.metadata['title'][i]} {i}",
        "release_date": year,
        "genre": _GENRES[str(factors["genre"])],
        "lyrics": lyrics,
        "len": len(lyrics.split()),
        **{name: round(float(np.clip(value, 0.0, 1.0)), 9) for name, value in values.items()},
        "topic": FEATURES[int(topics.argmax())],
        "age": round(max(2020 - year, 1) / 70, 6),
    }
