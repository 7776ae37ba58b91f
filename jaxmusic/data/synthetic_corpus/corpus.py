"""A corpus from one key: drawn as factors, words, tags, metadata and histories, rendered as sound when asked."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from jaxmusic.data.synthetic_corpus.catalogue import draw_metadata, draw_tags
from jaxmusic.data.synthetic_corpus.factors import draw_artists, draw_factors
from jaxmusic.data.synthetic_corpus.listeners import Listeners, draw_histories, draw_listeners
from jaxmusic.data.synthetic_corpus.lyrics import draw_text
from jaxmusic.data.synthetic_corpus.rendering import render_song
from jaxmusic.data.synthetic_corpus.streams import Purpose, seed_of, stream

__all__ = ["Corpus", "draw_corpus", "render_corpus", "samples_of", "write_clips"]


class Corpus(NamedTuple):
    """Songs that nobody recorded, and the truth about them.

    Attributes:
        ids: `[n]` str.
        factors: name → `[n]`, what each song is made from. Str: `genre` (ambient, electronic, folk, hiphop, jazz,
            rock), `mood` (angry, calm, happy, sad), `theme` (the mood that the lyrics speak of), `language` (en, bn),
            `mode` (major, minor), `timbre`, `groove` (the genre whose groove is played). Numbers: `tempo` in BPM;
            `energy`, `density`, `ornament`, `drone` in [0, 1]; `root`, a pitch class 0 to 11.
        lyrics: `[n]` object array of str: verses and a refrain, English or Bangla.
        tags: for each song a list of str, noisy.
        metadata: name → `[n]`: `title`, `album`, `artist`, `duration` in s, `year` (0 unknown), `artist_hotness`.
        histories: `user`, `song` and `plays`, `[plays]` each: who played what how often.
        listeners: the true tastes behind the histories.
        seed: the key's words, from which `render_corpus` draws the music.
    """

    ids: np.ndarray
    factors: Mapping[str, np.ndarray]
    lyrics: np.ndarray
    tags: list[list[str]]
    metadata: Mapping[str, np.ndarray]
    histories: Mapping[str, np.ndarray]
    listeners: Listeners
    seed: tuple[int, ...]


def draw_corpus(key: PRNGKeyArray, n_clips: int, *, n_listeners: int | None = None) -> Corpus:
    """Draw everything about `n_clips` songs but their sound.

    Each song has its own random stream for each purpose (`numpy.random.SeedSequence` over the key's words), so song i
    is the same in a corpus of any size: a smaller corpus is the beginning of a larger one. Only the histories are not,
    since the songs compete for listeners.

    Which factor shapes which is listed in `jaxmusic.data.synthetic_corpus.factors`. No lyric, title or tag names the
    value of a factor; the lyrics' script reveals the language, as it does in any corpus.

    Args:
        key: a jax random key, typed or raw.
        n_clips: number of songs.
        n_listeners: number of listeners; by default two for each song.

    Returns:
        The `Corpus`.

    Raises:
        ValueError: if `n_clips` is below 1, `n_listeners` is negative, or `key` isn't one key.

    >>> import jax
    >>> corpus = draw_corpus(jax.random.key(0), 3)
    >>> corpus.ids.tolist(), corpus.factors["genre"].shape
    (['clip_000000', 'clip_000001', 'clip_000002'], (3,))
    """
    if n_clips < 1:
        raise ValueError(f"n_clips must be at least 1, not {n_clips}")
    n_listeners = 2 * n_clips if n_listeners is None else n_listeners
    if n_listeners < 0:
        raise ValueError(f"n_listeners must be 0 or more, not {n_listeners}")
    seed = seed_of(key)
    ids = np.array([f"clip_{clip:06d}" for clip in range(n_clips)])
    artists = draw_artists(seed, n_clips)
    factors = draw_factors(seed, artists)
    songs = [{name: str(values[clip]) for name, values in factors.items()} for clip in range(n_clips)]
    texts = [
        draw_text(stream(seed, Purpose.LYRICS, clip), song["genre"], song["theme"], song["language"])
        for clip, song in enumerate(songs)
    ]
    metadata = draw_metadata(seed, artists, [text.title for text in texts])
    listeners = draw_listeners(seed, n_listeners)
    return Corpus(
        ids=ids,
        factors=factors,
        lyrics=np.array([text.lyrics for text in texts], dtype=object),
        tags=[draw_tags(stream(seed, Purpose.TAGS, clip), song) for clip, song in enumerate(songs)],
        metadata=metadata,
        histories=draw_histories(seed, listeners, ids, factors, metadata["artist_hotness"]),
        listeners=listeners,
        seed=seed,
    )


def samples_of(duration: float, sample_rate: int) -> int:
    """Samples in `duration` seconds.

    Raises:
        ValueError: if that is less than one, or the sample rate is too low for music.
    """
    if not 2_000 <= sample_rate <= 192_000:
        raise ValueError(f"sample_rate must be 2,000 to 192,000 Hz, not {sample_rate}")
    if not np.isfinite(duration) or round(duration * sample_rate) < 1:
        raise ValueError(f"duration must be a positive number of seconds, not {duration}")
    return round(duration * sample_rate)


def render_corpus(
    corpus: Corpus,
    *,
    duration: float = 10.0,
    sample_rate: int = 22_050,
    rows: Sequence[int] | Int[np.ndarray, " rows"] | None = None,
) -> Float[np.ndarray, "rows samples"]:
    """Play the songs: chords, bass, melody, drone and drums, from the factors.

    Each clip starts anywhere in its song's first bar and goes on as long as asked: a shorter rendering is the
    beginning of a longer one. A clip rendered alone is bit for bit the clip rendered among others.

    Args:
        corpus: from `draw_corpus`.
        duration: seconds.
        sample_rate: Hz.
        rows: which songs, as row numbers (or a bool mask); all by default.

    Returns:
        `[rows, samples]` float32 in [-1, 1], mono.

    Raises:
        ValueError: if `duration` isn't positive or `sample_rate` is out of range.
        IndexError: if a row is out of range.
    """
    samples = samples_of(duration, sample_rate)
    clips = np.arange(len(corpus.ids))
    if rows is not None:
        clips = clips[np.asarray(rows)] if len(rows) else clips[:0]
    out = np.empty((len(clips), samples), np.float32)
    for row, clip in enumerate(clips.tolist()):
        out[row] = render_song(corpus.seed, clip, _song(corpus, clip), samples, sample_rate)
    return out


def _song(corpus: Corpus, clip: int) -> dict[str, Any]:
    return {name: values[clip] for name, values in corpus.factors.items()}


def write_clips(corpus: Corpus, folder: str | Path, *, duration: float = 10.0, sample_rate: int = 22_050) -> None:
    """Write the corpus as a folder that `jaxmusic.data.clips` reads.

    The folder gets `audio/<id>.wav` (16 bits), `lyrics.csv` (id, filename, lyrics) and `labels.csv` (id, artist,
    title, album, year and all factors), UTF-8; files of the same names are overwritten.

    Args:
        corpus: from `draw_corpus`.
        folder: made where missing.
        duration: seconds of each clip.
        sample_rate: Hz.

    Raises:
        ValueError: if `duration` isn't positive or `sample_rate` is out of range.
        OSError: if the folder can't be written.
    """
    import soundfile

    samples_of(duration, sample_rate)
    folder = Path(folder).expanduser()
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    names = [f"{name}.wav" for name in corpus.ids]
    for row, name in enumerate(names):
        (y,) = render_corpus(corpus, duration=duration, sample_rate=sample_rate, rows=[row])
        soundfile.write(folder / "audio" / name, y, sample_rate, subtype="PCM_16")
    _write_table(folder / "lyrics.csv", {"id": corpus.ids, "filename": np.array(names), "lyrics": corpus.lyrics})
    known = {name: corpus.metadata[name] for name in ("artist", "title", "album", "year")}
    _write_table(folder / "labels.csv", {"id": corpus.ids, **known, **corpus.factors})


def _write_table(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
