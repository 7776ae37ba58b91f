"""A data set on disk or embedded → one `Dataset`, and its split into parts."""

from jaxmusic.data.clip_folder import clips
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.splits import split

__all__ = ["Dataset", "clips", "split"]
