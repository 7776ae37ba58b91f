"""Arrays → numbers: classification, clustering, retrieval, canonical correlation, what latents hold."""

from jaxmusic.evaluation._elbow import KMeansSweep, elbow, kmeans_sweep
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
from jaxmusic.evaluation.generation import coherence, generate, interpolate, sample_prior
from jaxmusic.evaluation.kernel_cca import KernelCCA, fit_kernel_cca, project_kernel_x, project_kernel_y
from jaxmusic.evaluation.latent import active_units, linear_probe
from jaxmusic.evaluation.likelihood import (
    conditional_log_likelihood,
    importance_log_weights,
    joint_log_likelihood,
    predictive_log_likelihood,
)
from jaxmusic.evaluation.ranking import (
    average_precision,
    expected_average_precision,
    expected_ranking_scores,
    ranking_scores,
)
from jaxmusic.evaluation.resampling import Interval, bootstrap_interval
from jaxmusic.evaluation.retrieval import cross_modal_retrieval, query_scores, ranks, retrieval_scores

__all__ = [
    "CCA",
    "ClusteringRow",
    "IndependenceTest",
    "Interval",
    "KMeansSweep",
    "KernelCCA",
    "active_units",
    "agglomerative",
    "average_precision",
    "bootstrap_interval",
    "classification_scores",
    "clustering_grid",
    "clustering_scores",
    "coherence",
    "coinciding_group_size",
    "conditional_log_likelihood",
    "confusion_matrix",
    "cross_modal_retrieval",
    "dbscan",
    "disentanglement_scores",
    "elbow",
    "expected_average_precision",
    "expected_calibration_error",
    "expected_ranking_scores",
    "fit_cca",
    "fit_kernel_cca",
    "generate",
    "importance_log_weights",
    "interpolate",
    "joint_log_likelihood",
    "kmeans",
    "kmeans_sweep",
    "linear_probe",
    "mutual_information_gap",
    "permutation_test",
    "predictive_log_likelihood",
    "project_kernel_x",
    "project_kernel_y",
    "project_x",
    "project_y",
    "query_scores",
    "ranking_scores",
    "ranks",
    "retrieval_scores",
    "sample_prior",
    "spectral",
    "wilson_interval",
]
