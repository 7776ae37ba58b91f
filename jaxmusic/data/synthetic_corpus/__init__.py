"""The embedded corpus: music, lyrics, tags, metadata and listening histories, all drawn from known factors.

An instrument for measuring models, not a model of music: what made each song is kept, so that what a model finds can
be held against the truth. The factors and their couplings are in `jaxmusic.data.synthetic_corpus.factors`.
"""

from jaxmusic.data.synthetic_corpus.as_dataset import synthetic
from jaxmusic.data.synthetic_corpus.as_features import synthetic_features
from jaxmusic.data.synthetic_corpus.as_million_song import write_million_song
from jaxmusic.data.synthetic_corpus.as_table import write_lyrics_table
from jaxmusic.data.synthetic_corpus.corpus import Corpus, draw_corpus, render_corpus, write_clips

__all__ = [
    "Corpus",
    "draw_corpus",
    "render_corpus",
    "synthetic",
    "synthetic_features",
    "write_clips",
    "write_lyrics_table",
    "write_million_song",
]
