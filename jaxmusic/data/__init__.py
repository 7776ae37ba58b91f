"""A data set on disk or embedded → one `Dataset`, and its split into parts."""

from jaxmusic.data.clip_folder import clips
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.splits import split
from jaxmusic.data.synthetic_corpus import draw_corpus, render_corpus, synthetic, write_clips

__all__ = ["Dataset", "clips", "draw_corpus", "render_corpus", "split", "synthetic", "write_clips"]
