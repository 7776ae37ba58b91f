"""Numbers → pictures. Each function writes one PNG and returns its path; none touches matplotlib's global state."""

from jaxmusic.figures.charts import explained_variance, learning_curve, metric_bars, stacked_bars, training_curves
from jaxmusic.figures.clips import interpolation, reconstructions, vector_comparison, vector_reconstructions
from jaxmusic.figures.forest import ForestLine, forest_plot
from jaxmusic.figures.maps import latent_map, map_panels, tsne_coordinates, umap_coordinates

__all__ = [
    "ForestLine",
    "explained_variance",
    "forest_plot",
    "interpolation",
    "latent_map",
    "learning_curve",
    "map_panels",
    "metric_bars",
    "reconstructions",
    "stacked_bars",
    "training_curves",
    "tsne_coordinates",
    "umap_coordinates",
    "vector_comparison",
    "vector_reconstructions",
]
