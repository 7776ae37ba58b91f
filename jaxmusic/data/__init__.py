"""A data set on disk or embedded → one `Dataset`, and its split into parts."""

from jaxmusic.data.clip_folder import clips
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.download import download
from jaxmusic.data.lyrics_table import LYRICS_TABLE_URL, lyrics_table
from jaxmusic.data.splits import split
from jaxmusic.data.synthetic_corpus import draw_corpus, render_corpus, synthetic, write_clips, write_lyrics_table

__all__ = [
    "LYRICS_TABLE_URL",
    "Dataset",
    "clips",
    "download",
    "draw_corpus",
    "lyrics_table",
    "render_corpus",
    "split",
    "synthetic",
    "write_clips",
    "write_lyrics_table",
]
