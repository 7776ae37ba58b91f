"""What all figures share: colours, an empty figure, text as it was given, and small files."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette, readable with every kind of colour vision, without its yellow, which white swallows.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
# For what is missing or unknown, on any colour scale.
GREY = "#BBBBBB"

_FONT = "DejaVu Sans"
_BANGLA_FONTS = ("Noto Sans Bengali", "Lohit Bengali", "Mukti", "FreeSans", "Nirmala UI", "Vrinda", "Bangla MN")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that draws into memory, whatever backend is chosen elsewhere."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def literal(text: object, length: int = 40) -> str:
    """Text as it was given, dollar signs included, which would start a formula; cut where it is long."""
    plain = str(text)
    return (plain if len(plain) <= length else f"{plain[: length - 1]}…").replace("$", r"\$")


def save(figure: Figure, path: str | Path, title: str = "") -> Path:
    """Draws the figure and writes it as a PNG of at most 256 colours, a third of the bytes of full colour.

    Bangla is drawn with the first suitable font that is installed; where there is none, as boxes.
    """
    import warnings

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text
    from PIL import Image

    if title:
        figure.suptitle(literal(title, 100), fontsize=11)
    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isascii():
            text.set_fontfamily(_fonts())
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


@functools.cache
def _fonts() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return [_FONT, *(name for name in _BANGLA_FONTS if name in installed)]
