"""Arrays → numbers: classification, clustering, retrieval, canonical correlation, what latents hold."""

from jaxmusic.evaluation.cca import CCA, fit_cca, project_x, project_y
from jaxmusic.evaluation.classification import (
    classification_scores,
    confusion_matrix,
    expected_calibration_error,
    wilson_interval,
)
from jaxmusic.evaluation.clustering import (
    ClusteringRow,
    agglomerative,
    clustering_grid,
    clustering_scores,
    coinciding_group_size,
    dbscan,
    kmeans,
    spectral,
)
from jaxmusic.evaluation.disentanglement import (
    IndependenceTest,
    disentanglement_scores,
    mutual_information_gap,
    permutation_test,
)
from jaxmusic.evaluation.latent import active_units, linear_probe
from jaxmusic.evaluation.ranking import average_precision, ranking_scores
from jaxmusic.evaluation.retrieval import cross_modal_retrieval, ranks, retrieval_scores

__all__ = [
    "CCA",
    "ClusteringRow",
    "IndependenceTest",
    "active_units",
    "agglomerative",
    "average_precision",
    "classification_scores",
    "clustering_grid",
    "clustering_scores",
    "coinciding_group_size",
    "confusion_matrix",
    "cross_modal_retrieval",
    "dbscan",
    "disentanglement_scores",
    "expected_calibration_error",
    "fit_cca",
    "kmeans",
    "linear_probe",
    "mutual_information_gap",
    "permutation_test",
    "project_x",
    "project_y",
    "ranking_scores",
    "ranks",
    "retrieval_scores",
    "spectral",
    "wilson_interval",
]
