"""A good call of each public function that takes arrays: the function, and its arguments by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from jaxmusic import audio, evaluation, losses, recommend, text


class Call(NamedTuple):
    """A function and arguments that it takes."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = X + 0.3 * RNG.normal(size=(12, 3))
F = X.astype(np.float32)
G = Y.astype(np.float32)
CLASSES = np.arange(12) % 3
NAMES = np.array(list("abc"))[CLASSES]
WAVE = (0.1 * RNG.normal(size=4096)).astype(np.float32)
POWER = np.abs(RNG.normal(size=(1025, 9))).astype(np.float32)
DECIBELS = RNG.uniform(-80, 0, size=(40, 9)).astype(np.float32)
SPECTRA = (RNG.normal(size=(257, 9)) + 1j * RNG.normal(size=(257, 9))).astype(np.complex64)
LIKELIHOODS = {"audio": losses.Gaussian(), "lyrics": losses.Gaussian()}
LISTS = np.array([[0, 1], [2, 0], [1, 2]])
RELEVANT = csr_array(np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0]]))
CCA = evaluation.fit_cca(X, Y, n_components=2, ridge=0.1)
KERNEL_CCA = evaluation.fit_kernel_cca(X, Y, n_components=2)
TEXTS = ["blue moon rising", "red moon falling", "blue sky falling"]
TERCILES = text.fit_terciles(np.abs(RNG.normal(size=(12, 4))))

CALLS = {
    "evaluation": {
        "active_units": Call(evaluation.active_units, {"mean": X}),
        "agglomerative": Call(evaluation.agglomerative, {"x": X, "n_clusters": 2}),
        "average_precision": Call(evaluation.average_precision, {"recommended": LISTS, "relevant": RELEVANT, "k": 2}),
        "bootstrap_interval": Call(evaluation.bootstrap_interval, {"values": X[:, 0], "level": 0.9, "resamples": 20}),
        "classification_scores": Call(
            evaluation.classification_scores, {"probabilities": np.eye(3)[CLASSES], "labels": CLASSES}
        ),
        "clustering_grid": Call(
            evaluation.clustering_grid, {"x": X, "n_clusters": (2,), "eps": (0.5,), "min_samples": 2}
        ),
        "clustering_scores": Call(evaluation.clustering_scores, {"x": X, "assignment": CLASSES}),
        "coinciding_group_size": Call(
            evaluation.coinciding_group_size, {"calinski_harabasz": 78.0, "davies_bouldin": 0.24}
        ),
        "confusion_matrix": Call(evaluation.confusion_matrix, {"labels": CLASSES, "predicted": CLASSES, "classes": 3}),
        "cross_modal_retrieval": Call(evaluation.cross_modal_retrieval, {"audio": X, "lyrics": Y}),
        "dbscan": Call(evaluation.dbscan, {"x": X, "eps": 0.5, "min_samples": 2}),
        "disentanglement_scores": Call(evaluation.disentanglement_scores, {"codes": X, "factors": {"a": Y[:, 0]}}),
        "elbow": Call(evaluation.elbow, {"x": np.arange(1, 6), "y": np.array([9.0, 4.0, 2.0, 1.0, 0.5])}),
        "expected_average_precision": Call(
            evaluation.expected_average_precision, {"scores": np.eye(3), "relevant": RELEVANT, "k": 2}
        ),
        "expected_calibration_error": Call(
            evaluation.expected_calibration_error, {"probabilities": np.eye(3)[CLASSES], "labels": CLASSES, "bins": 5}
        ),
        "expected_ranking_scores": Call(
            evaluation.expected_ranking_scores,
            {"scores": np.eye(3), "relevant": RELEVANT, "k": 2, "cutoffs": (2,)},
        ),
        "fit_cca": Call(evaluation.fit_cca, {"x": X, "y": Y, "n_components": 2, "ridge": 0.1}),
        "fit_kernel_cca": Call(evaluation.fit_kernel_cca, {"x": X, "y": Y, "n_components": 2, "bandwidth": 1.0}),
        "kmeans": Call(evaluation.kmeans, {"x": X, "n_clusters": 2, "n_init": 1}),
        "kmeans_sweep": Call(evaluation.kmeans_sweep, {"x": X, "k": [2, 3, 4]}),
        "linear_probe": Call(evaluation.linear_probe, {"x_train": X, "y_train": NAMES, "x_test": Y, "y_test": NAMES}),
        "mutual_information_gap": Call(
            evaluation.mutual_information_gap, {"codes": X, "factors": {"a": Y[:, 0]}, "bins": 4}
        ),
        "permutation_test": Call(evaluation.permutation_test, {"a": CLASSES, "b": CLASSES, "permutations": 9}),
        "project_kernel_x": Call(evaluation.project_kernel_x, {"fitted": KERNEL_CCA, "x": X}),
        "project_kernel_y": Call(evaluation.project_kernel_y, {"fitted": KERNEL_CCA, "y": Y}),
        "project_x": Call(evaluation.project_x, {"cca": CCA, "x": X}),
        "project_y": Call(evaluation.project_y, {"cca": CCA, "y": Y}),
        "query_scores": Call(evaluation.query_scores, {"queries": X, "gallery": Y, "ks": (1, 2)}),
        "ranking_scores": Call(
            evaluation.ranking_scores, {"recommended": LISTS, "relevant": RELEVANT, "k": 2, "cutoffs": (2,)}
        ),
        "ranks": Call(evaluation.ranks, {"queries": X, "gallery": Y, "target": np.arange(12), "block": 5}),
        "retrieval_scores": Call(
            evaluation.retrieval_scores, {"queries": X, "gallery": Y, "labels": NAMES, "ks": (1, 2)}
        ),
        "spectral": Call(evaluation.spectral, {"x": X, "n_clusters": 2, "n_neighbors": 5}),
        "wilson_interval": Call(evaluation.wilson_interval, {"hits": 3, "n": 5, "level": 0.9}),
    },
    "recommend": {
        "profiles": Call(recommend.profiles, {"plays": RELEVANT, "factors": F[:3]}),
        "recommend": Call(recommend.recommend, {"history": {0: 1.0}, "factors": F, "n": 3}),
        "score_blocks": Call(
            lambda **given: list(recommend.score_blocks(**given)), {"users": F, "factors": G, "block": 5}
        ),
        "similar_items": Call(recommend.similar_items, {"items": np.array([0, 1]), "factors": F, "n": 3}),
        "top_items": Call(recommend.top_items, {"users": F, "factors": G, "n": 3, "block": 5}),
    },
    "audio": {
        "amplitude_to_db": Call(audio.amplitude_to_db, {"S": POWER, "amin": 1e-5, "top_db": 80.0}),
        "db_to_amplitude": Call(audio.db_to_amplitude, {"S_db": DECIBELS}),
        "db_to_power": Call(audio.db_to_power, {"S_db": DECIBELS}),
        "delta": Call(audio.delta, {"data": DECIBELS, "width": 5, "order": 1}),
        "chroma_stft": Call(audio.chroma_stft, {"y": WAVE, "sr": 22_050}),
        "estimate_tuning": Call(audio.estimate_tuning, {"y": WAVE, "sr": 22_050}),
        "frame_mask": Call(audio.frame_mask, {"lengths": np.array([900, 4096]), "frames": 9, "hop_length": 512}),
        "griffinlim": Call(audio.griffinlim, {"S": POWER[:257], "n_iter": 2, "momentum": 0.9}),
        "istft": Call(audio.istft, {"stft_matrix": SPECTRA, "hop_length": 128}),
        "mel_dynamics": Call(audio.mel_dynamics, {"mel": DECIBELS, "n_mfcc": 4, "n_bands": 2}),
        "mel_statistics": Call(audio.mel_statistics, {"mel": DECIBELS}),
        "musicnn_mel": Call(audio.musicnn_mel, {"y": WAVE}),
        "melspectrogram": Call(audio.melspectrogram, {"y": WAVE, "n_mels": 16}),
        "mfcc": Call(audio.mfcc, {"S": DECIBELS, "n_mfcc": 5}),
        "onset_strength": Call(audio.onset_strength, {"S": DECIBELS}),
        "power_to_db": Call(audio.power_to_db, {"S": POWER, "amin": 1e-10, "top_db": 80.0}),
        "rms": Call(audio.rms, {"S": POWER}),
        "spectral_bandwidth": Call(audio.spectral_bandwidth, {"S": POWER, "p": 2.0}),
        "spectral_centroid": Call(audio.spectral_centroid, {"S": POWER}),
        "spectral_contrast": Call(audio.spectral_contrast, {"S": POWER, "n_bands": 3, "quantile": 0.02}),
        "spectral_flatness": Call(audio.spectral_flatness, {"S": POWER, "amin": 1e-10}),
        "tonnetz": Call(audio.tonnetz, {"chroma": POWER[:12]}),
        "spectral_rolloff": Call(audio.spectral_rolloff, {"S": POWER, "roll_percent": 0.85}),
        "stft": Call(audio.stft, {"y": WAVE, "n_fft": 512}),
        "tempo": Call(audio.tempo, {"onset_envelope": np.abs(RNG.normal(size=400)).astype(np.float32)}),
        "zero_crossing_rate": Call(audio.zero_crossing_rate, {"y": WAVE, "frame_length": 512, "hop_length": 128}),
    },
    "losses": {
        "alignment": Call(losses.alignment, {"kind": "info_nce", "temperature": 0.1, "margin": 0.2}),
        "beta_tc_elbo": Call(losses.beta_tc_elbo, {"rows": 100, "beta": 6.0, "reduction": "sum"}),
        "contrastive": Call(losses.contrastive, {"temperature": 0.1}),
        "cross_entropy": Call(losses.cross_entropy, {"labels": "labels"}),
        "divergence": Call(losses.divergence, {"beta": 1.0, "free_bits": 0.1}),
        "dreg": Call(losses.dreg, {"likelihoods": LIKELIHOODS}),
        "elbo": Call(losses.elbo, {"target": "inputs", "reduction": "mean", "beta": 1.0}),
        "expert_divergence": Call(losses.expert_divergence, {}),
        "iwae": Call(losses.iwae, {"likelihoods": LIKELIHOODS}),
        "joint_elbo": Call(losses.joint_elbo, {"weights": {"audio": 1.0}, "beta": 1.0, "temperature": 0.1}),
        "label_entropy": Call(losses.label_entropy, {"logits": F, "labels": CLASSES}),
        "label_head": Call(losses.label_head, {"labels": "labels"}),
        "log_likelihood": Call(losses.log_likelihood, {"likelihood": losses.Gaussian(), "recon": F, "target": G}),
        "mixture_divergence": Call(losses.mixture_divergence, {"beta": 1.0}),
        "modality_error": Call(losses.modality_error, {"modality": "audio", "reduction": "mean"}),
        "multimodal_elbo": Call(losses.multimodal_elbo, {"likelihoods": LIKELIHOODS, "beta": 1.0}),
        "mvtcae_elbo": Call(losses.mvtcae_elbo, {"likelihoods": LIKELIHOODS, "alpha": 0.1, "beta": 2.5}),
        "negative_log_likelihood": Call(losses.negative_log_likelihood, {"modality": "audio"}),
        "reconstruction": Call(losses.reconstruction, {"target": "inputs", "reduction": "mean"}),
        "subset_elbo": Call(losses.subset_elbo, {"likelihoods": LIKELIHOODS, "beta": 1.0}),
        "total": Call(losses.total, {"terms": [losses.elbo()]}),
        "weighted": Call(losses.weighted, {"term": losses.elbo(), "weight": 0.5}),
        "gaussian_divergence": Call(
            losses.gaussian_divergence, {"mean": F, "logvar": G, "other_mean": G, "other_logvar": F}
        ),
        "info_nce": Call(losses.info_nce, {"x": F, "y": G, "temperature": 0.1}),
        "kl_divergence": Call(losses.kl_divergence, {"mean": F, "logvar": G}),
        "masked_mean": Call(losses.masked_mean, {"values": F[:, 0], "mask": None}),
        "squared_error": Call(losses.squared_error, {"recon": F, "target": G}),
        "triplet": Call(losses.triplet, {"x": F, "y": G, "margin": 0.2}),
    },
    "text": {
        "content_words": Call(text.content_words, {"text": "the girl's gone"}),
        "detect_language": Call(text.detect_language, {"text": "the girl is gone", "detector": "words"}),
        "fold": Call(text.fold, {"text": "Déjà vu"}),
        "is_near": Call(text.is_near, {"word": "thunder", "other": "tunder"}),
        "stop_words": Call(text.stop_words, {"language": "en"}),
        "tag_scores": Call(text.tag_scores, {"weights": F[:2], "logits": G}),
        "tag_weights": Call(
            text.tag_weights,
            {
                "queries": ["a"],
                "tags": ["b", "c"],
                "encode": lambda texts: np.array([[len(t), 1.0] for t in texts]),
                "temperature": 0.05,
            },
        ),
        "words": Call(text.words, {"text": "the girl's gone"}),
        "describe": Call(text.describe, {"features": np.abs(RNG.normal(size=(12, 4))), "terciles": TERCILES}),
        "fit_terciles": Call(text.fit_terciles, {"features": np.abs(RNG.normal(size=(12, 4)))}),
        "fit_tfidf_pca": Call(text.fit_tfidf_pca, {"texts": TEXTS, "n_components": 2, "max_features": 20}),
        "fit_word_vectors": Call(text.fit_word_vectors, {"sentences": [["a", "b"], ["b"]], "size": 4, "epochs": 1}),
        "lexical_statistics": Call(text.lexical_statistics, {"texts": TEXTS}),
        "multi_hot": Call(text.multi_hot, {"lists": [["a"], ["b"]], "vocabulary": ["a", "b"]}),
        "train_wordpiece": Call(text.train_wordpiece, {"texts": TEXTS, "vocabulary_size": 60}),
    },
}
