"""Hybrid-language clustering: experiments on the document's hybrid rows, its leakage test and its extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from records import tidy

from documents.hybrid_language_vae import scores
from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.pipeline import Part, embed, indicators, part_of
from documents.hybrid_language_vae.variants import Variant
from jaxmusic import data, evaluation, losses, models, training

LATENTS, BETAS, LEARNING_RATES = (8, 16, 32), (1.0, 2.0, 4.0), (1e-3, 5e-4)
SWEEP = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_WORDS = (
    ("slow", "medium", "fast"),
    ("low", "medium", "high"),
    ("dark", "balanced", "bright"),
    ("simple", "moderate", "complex"),
)
_SCORES = ("silhouette", "adjusted_rand", "normalized_mutual_information")
# A batch that ends so little behind a quarter or a half of the training rows stands for it.
_NEAR = 0.05
_NOUNS = ("tempo", "energy", "sound", "rhythm")
# Number of sentences → the descriptors that make them, and how many levels each has.
_SENTENCES = {3: ((1,), 3), 8: ((1, 2, 3), 2), 9: ((1, 2), 3), 27: ((1, 2, 3), 3), 81: ((0, 1, 2, 3), 3)}


Records = list[dict[str, Any]]


def run(config: Config, dataset: data.Dataset) -> dict[str, Records]:
    """The records of all experiments."""
    parts = [
        part_of(
            config,
            dataset,
            Variant(),
            jax.random.fold_in(jax.random.fold_in(jax.random.key(0), seed), 0),
        )
        for seed in range(config.seeds)
    ]
    return {
        "alignment": [row for seed, part in enumerate(parts) for row in alignment(config, part, seed)],
        "incremental": [row for seed, part in enumerate(parts) for row in incremental(config, part, seed)],
        "leakage": leakage(config, parts[0]),
        "tuning": tune_vae_hyperparameters(config, parts),
        "disentanglement": [row for seed, part in enumerate(parts) for row in beta_sweep(config, part, seed)],
    }


def alignment(config: Config, part: Part, seed: int) -> Records:
    """Hybrid clustering with the text of each track, and with the text rows shuffled among tracks."""
    order = np.random.default_rng(seed).permutation(len(part.audio))
    genre, k = part.tracks.labels["genre"], min(config.k, len(part.audio) - 1)
    rows: Records = []
    for count, (columns, levels) in _SENTENCES.items():
        text = _text(config, part, columns, levels)
        for name, order_of in (("aligned", slice(None)), ("shuffled", order)):
            hybrid = np.concatenate([part.audio, text[order_of]], axis=1)
            for method, assignment in (
                ("Ward", evaluation.agglomerative(hybrid, k)),
                ("K-means", evaluation.kmeans(hybrid, k, seed=seed)),
            ):
                found = evaluation.clustering_scores(hybrid, assignment, labels=genre)
                values = {"distinct": len(np.unique(text, axis=0)), **{key: found[key] for key in _SCORES}}
                rows += tidy(values, "metric", sentences=count, method=method, text=name, seed=seed)
    return rows


def incremental(config: Config, part: Part, seed: int) -> Records:
    """K-means of the audio features that sees the training rows in batches, as they come, beside K-means of them all.

    Source: §7 of the document, which names incremental clustering as future work.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    genre, k = part.tracks.labels["genre"], min(config.k, len(part.fit) - 1)
    stream = part.audio[np.random.default_rng(seed).permutation(part.fit)]
    whole = KMeans(k, n_init=10, random_state=seed).fit(stream).predict(part.audio)
    # The first batch must hold as many rows as there are clusters.
    batches = np.array_split(stream, max(1, len(stream) // max(config.net.batch, k)))
    model = MiniBatchKMeans(k, random_state=seed)
    found = {}
    for i, batch in enumerate(batches):
        model.partial_fit(batch)
        share = (i + 1) / len(batches)
        for mark in (0.25, 0.5, 1.0):
            # Of few batches none may: what is not there is left out.
            if mark not in found and 0 <= share - mark <= _NEAR:
                found[mark] = model.predict(part.audio)
    assignments = {**{f"{mark:.0%} seen, batch by batch": x for mark, x in found.items()}, "all at once": whole}
    rows: Records = []
    for name, assignment in assignments.items():
        scored = evaluation.clustering_scores(part.audio[part.score], assignment[part.score], labels=genre[part.score])
        agreement = evaluation.clustering_scores(part.audio, assignment, labels=whole)["adjusted_rand"]
        values = {"agreement": agreement, **{key: scored[key] for key in _SCORES}}
        rows += tidy(values, "metric", rows=name, seed=seed)
    return rows


def _text(config: Config, part: Part, columns: tuple[int, ...], levels: int) -> np.ndarray:
    """Standardised text columns of sentences made of some descriptors only."""
    found = part.levels[:, columns]
    if levels == 2:
        values = part.tracks.modalities["descriptors"][:, columns]
        found = 2 * (values > np.median(values[part.fit], axis=0)).astype(int)
    sentences = [
        "Audio with " + ", ".join(f"{_WORDS[c][level]} {_NOUNS[c]}" for c, level in zip(columns, row, strict=True))
        for row in found
    ]
    if config.text == "descriptors":
        return scores.standardized(indicators(found))
    return scores.standardized(embed(config, sentences, found)[0])


def leakage(config: Config, part: Part) -> Records:
    """Do the descriptors tell the genre? Permutation tests, and a classifier that sees the sentence alone."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    genre = part.tracks.labels["genre"]
    tests = {}
    for i, name in enumerate((*scores.DESCRIPTORS, "sentence")):
        values = part.levels[:, i] if name != "sentence" else np.array(part.sentences)
        found = evaluation.permutation_test(values, genre, seed=0, permutations=config.permutations)
        tests[name] = {
            "mutual_information": found.mutual_information,
            "expected": found.expected,
            "p_value": found.p_value,
        }
    counts = np.bincount(part.codes)
    folds = min(5, int(counts[counts > 0].min()))
    accuracy = None
    if folds > 1:
        # Indicators of the levels: with a linear classifier they say what the sentence says.
        x = indicators(part.levels)[:, : sum(len(np.unique(column)) for column in part.levels.T)]
        splits = StratifiedKFold(folds, shuffle=True, random_state=0)
        accuracy = float(cross_val_score(LogisticRegression(max_iter=1000), x, part.codes, cv=splits).mean())
    told = {"accuracy": accuracy, "majority": float(counts.max() / counts.sum())}
    return [*tidy(tests, "descriptor", "metric", seed=0), *tidy(told, "classifier", seed=0)]


def tune_vae_hyperparameters(config: Config, parts: list[Part]) -> Records:
    """The document's grid for the Basic VAE: latent size × β × learning rate, scored on the validation part.

    Source: the appendix of the document, which reports no result. Squared error summed, so that β = 1 is the ELBO.
    """
    rows: Records = []
    for latent in LATENTS:
        for seed, part in enumerate(parts):
            key = jax.random.fold_in(jax.random.key(1), seed)
            for cell, found, _ in _basic(config, part, key, latent=latent, betas=BETAS, learning_rates=LEARNING_RATES):
                rows += tidy(found, "metric", latent=latent, **cell, seed=seed)
    # Seeds of a cell together.
    return sorted(rows, key=lambda row: (LATENTS.index(row["latent"]), row["beta"], -row["learning_rate"]))


def _basic(
    config: Config, part: Part, key: jax.Array, *, latent: int, betas: Sequence[float], learning_rates: Sequence[float]
) -> list[tuple[dict[str, float], dict[str, float], np.ndarray]]:
    """Basic VAEs at every β and learning rate: the two, scores on the validation part, latents of all tracks."""
    module = models.FCVAE(latent_dim=latent, features=part.audio.shape[1], widths=config.net.widths)
    grid = training.fit_grid(
        key,
        module,
        losses.elbo(beta="beta", reduction="sum"),
        {"inputs": part.audio[part.fit]},
        grid={"beta": betas, "learning_rate": learning_rates},
        epochs=config.net.epochs,
        batch_size=config.net.batch,
        optimizer=optax.inject_hyperparams(optax.adam)(learning_rate=1e-3),
    )
    found = []
    for i, cell in enumerate(grid.cells):
        variables = {"params": jax.tree.map(lambda x, i=i: x[i, 0], grid.state.params)}
        scored, mean = _scored(config, part, module, variables)
        found.append((cell, scored, mean))
    return found


def _scored(config: Config, part: Part, module: Any, variables: Any) -> tuple[dict[str, float], np.ndarray]:
    mean, logvar = training.predict(module, variables, (part.audio,), method="encode")
    recon = training.predict(module, variables, (mean,), method="decode")
    rows = part.valid
    assert rows is not None
    kl = losses.kl_divergence(jnp.asarray(mean[rows]), jnp.asarray(logvar[rows]))
    clusters = evaluation.kmeans(mean[rows], min(config.k, len(rows) - 1), seed=0)
    agreement = evaluation.clustering_scores(mean[rows], clusters, labels=part.tracks.labels["genre"][rows])
    return {
        "mse": float(np.square(recon[rows] - part.audio[rows]).mean()),
        "kl": float(kl.mean()),
        "active_units": float(evaluation.active_units(mean[rows])),
        "mig": evaluation.mutual_information_gap(mean[rows], scores.factors_of(part, rows)),
        "silhouette": float(agreement["silhouette"]),
        "normalized_mutual_information": float(agreement["normalized_mutual_information"]),
    }, mean


def beta_sweep(config: Config, part: Part, seed: int) -> Records:
    """β against disentanglement, beside PCA: Basic VAE, error summed, scored on all tracks."""
    key = jax.random.fold_in(jax.random.key(2), seed)
    rows = np.arange(len(part.audio))
    factors = scores.factors_of(part, rows)
    found: Records = []
    rates = (config.net.learning_rate,)
    for cell, valid, mean in _basic(config, part, key, latent=config.net.latent, betas=SWEEP, learning_rates=rates):
        scored = {**valid, **compute_disentanglement_metric(mean, factors)}
        found += tidy(scored, "metric", model=f"β = {cell['beta']:g}", beta=cell["beta"], seed=seed)
    scored = compute_disentanglement_metric(scores.pca_of(config, part), factors)
    return found + tidy(scored, "metric", model="PCA", seed=seed)


def compute_disentanglement_metric(codes: np.ndarray, factors: dict[str, np.ndarray]) -> dict[str, float]:
    """MIG, SAP and DCI, without the factors' single gaps."""
    return {name: value for name, value in evaluation.disentanglement_scores(codes, factors).items() if "/" not in name}
