"""A data set on disk or embedded → one `Dataset`, and its split into parts."""

from jaxmusic.data._download import download
from jaxmusic.data._feature_table import feature_table
from jaxmusic.data._genre_folders import genre_folders
from jaxmusic.data._lyrics_table import LYRICS_TABLE_URL, lyrics_table
from jaxmusic.data._million_song import MillionSongs, million_song
from jaxmusic.data.clip_folder import clips
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.splits import balanced_sample, split
from jaxmusic.data.stores import ArrayStore, ArrayWriter, RecordStore, write_records
from jaxmusic.data.synthetic_corpus import (
    draw_corpus,
    render_corpus,
    synthetic,
    synthetic_features,
    write_clips,
    write_lyrics_table,
    write_million_song,
)

__all__ = [
    "LYRICS_TABLE_URL",
    "ArrayStore",
    "ArrayWriter",
    "Dataset",
    "MillionSongs",
    "RecordStore",
    "balanced_sample",
    "clips",
    "download",
    "draw_corpus",
    "feature_table",
    "genre_folders",
    "lyrics_table",
    "million_song",
    "render_corpus",
    "split",
    "synthetic",
    "synthetic_features",
    "write_clips",
    "write_lyrics_table",
    "write_million_song",
    "write_records",
]
