"""The map of a folder of clips as one HTML page that needs no network."""

from jaxmusic.app.page.columns import Column, column
from jaxmusic.app.page.document import Page
from jaxmusic.app.page.writing import Map, write_map

__all__ = ["Column", "Map", "Page", "column", "write_map"]
