"""Multimodal VAEs: clips → vectors of each modality → fitted models → scores of one seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from documents import clips
from documents.multimodal_vae.config import Config
from jaxmusic import data, evaluation, losses, models, text, training
from jaxmusic.audio import mel_statistics
from jaxmusic.data.preprocessing import fit_standardizer, fit_tempered_pca

# Squared errors are this likelihood's, up to a constant: one measure for every model.
_VECTORS = losses.Gaussian(0.5)


@dataclass(frozen=True, eq=False)
class Prepared:
    """The data set before anything is fitted on a part of it."""

    dataset: data.Dataset
    statistics: np.ndarray  # [n, 2·n_mels] mean and std per band in dB
    tags: np.ndarray | None  # [n, tags] 0 or 1; None for a data set without


def prepare(config: Config) -> Prepared:
    """Load the clips; the embedded corpus brings listeners' tags along."""
    dataset = clips.load_clips(config.data, config.sound)
    mel, mask = dataset.modalities["audio"], dataset.masks["frames"]
    statistics = np.asarray(mel_statistics(jnp.asarray(mel), jnp.asarray(mask)))
    tags = None
    if config.data is None:
        # The same key and songs as the sound's.
        lists = data.draw_corpus(jax.random.key(0), config.sound.clips, n_listeners=0).tags
        names = sorted({tag for own in lists for tag in own})
        tags = np.array([[name in own for name in names] for own in lists], np.float32)
    if config.label not in dataset.labels:
        raise ValueError(f"--label {config.label!r} is none of the data's labels {sorted(dataset.labels)}")
    return Prepared(clips.without_audio(dataset), statistics, tags)


def fingerprint(prepared: Prepared) -> str:
    """Changes when the data does."""
    return clips.fingerprint(prepared.dataset, prepared.statistics, prepared.tags)


def likelihoods_of(names: Any) -> dict[str, losses.Likelihood]:
    """What each modality's decoder gives: tags are yes or no, the others vectors."""
    return {name: losses.Bernoulli() if name == "tags" else _VECTORS for name in sorted(names)}


Recipe = tuple[models.PosteriorFusion, Any, Callable[[Mapping[str, np.ndarray]], losses.Loss]]


def _elbo(inputs: Mapping[str, np.ndarray]) -> losses.Loss:
    return losses.multimodal_elbo(likelihoods=likelihoods_of(inputs))


def _averaged(inputs: Mapping[str, np.ndarray]) -> losses.Loss:
    """The Joint VAE document's objective: every modality's error is averaged over its elements, not summed."""
    weights = {name: 1 / x.shape[1] for name, x in inputs.items()}
    return losses.multimodal_elbo(likelihoods=likelihoods_of(inputs), weights=weights)


RECIPES: dict[str, Callable[[Config], Recipe]] = {
    "document": lambda config: (models.Average(), None, _averaged),
    "average": lambda config: (models.Average(), None, _elbo),
    "MVAE": lambda config: (
        models.Product(),
        models.SubsetDraws(1),
        lambda x: losses.subset_elbo(likelihoods=likelihoods_of(x)),
    ),
    "MMVAE": lambda config: (
        models.Mixture(),
        models.ComponentDraws(config.bound_samples),
        lambda x: losses.dreg(likelihoods=likelihoods_of(x)),
    ),
    "MoPoE": lambda config: (models.MixtureOfProducts(), None, _elbo),
    "MVTCAE": lambda config: (
        models.Product(prior=False),
        None,
        lambda x: losses.mvtcae_elbo(likelihoods=likelihoods_of(x)),
    ),
}
"""Name → fusion, further draws and objective of a model."""


def run_seed(config: Config, prepared: Prepared, key: jax.Array, seed: int) -> dict[str, Any]:
    """All models of one seed (JSON)."""
    fit, test = data.split(jax.random.fold_in(key, 0), prepared.dataset, (0.8, 0.2))
    inputs, masks = _views(config, prepared, fit)
    there = np.stack(list(masks.values()))  # [modalities, n]
    # What is scored has every modality; what is fitted has any.
    fit, test = fit[there[:, fit].any(0)], test[there[:, test].all(0)]
    labels = np.asarray(prepared.dataset.labels[config.label]).astype(str)
    classifiers = {name: _classifier(x, labels, fit[masks[name][fit]]) for name, x in inputs.items()}
    found = {}
    for name in config.variant:
        fusion, draws, objective = RECIPES[name](config)
        module = module_of(config, inputs, fusion, draws)
        state, info = training.fit(
            jax.random.fold_in(key, 1),
            module,
            objective(inputs),
            jax.tree.map(lambda x: x[fit], {"inputs": inputs, "masks": masks}),
            epochs=config.epochs,
            batch_size=min(config.batch, len(fit)),
            optimizer=optax.adam(config.learning_rate),
        )
        rows = {modality: x[test] for modality, x in inputs.items()}
        plain = module.clone(draws=None)  # what is scored takes one draw
        found[name] = score(config, plain, state.variables, rows, labels[test], classifiers, seed)
        print(f"  {name}: {info.run_seconds:.0f} s, {found[name]['joint_log_likelihood']:.2f} nats", flush=True)
    return {"models": found, "sizes": {"fit": len(fit), "test": len(test)}, "modalities": sorted(inputs)}


def module_of(config: Config, inputs: Mapping[str, np.ndarray], fusion: Any, draws: Any) -> models.MultimodalVAE:
    """The model at this data's sizes."""
    return models.MultimodalVAE(
        {name: models.MLP((config.width, 2 * config.latent)) for name in inputs},
        {name: models.MLP((config.width, x.shape[1])) for name, x in inputs.items()},
        fusion,
        config.latent,
        draws,
    )


def score(
    config: Config,
    module: models.MultimodalVAE,
    variables: Any,
    inputs: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classifiers: Mapping[str, Any],
    seed: int,
) -> dict[str, float]:
    """Numbers of the test rows, which have every modality."""
    key, likelihoods = jax.random.key(seed), likelihoods_of(inputs)
    options: dict[str, Any] = {"likelihoods": likelihoods, "samples": config.likelihood_samples}
    joint = evaluation.joint_log_likelihood(key, module, variables, inputs, **options)
    directed: dict[str, Any] = {"targets": ("words",), "given": ("sound",), **options}
    given = evaluation.conditional_log_likelihood(key, module, variables, inputs, **directed)
    generated = evaluation.predictive_log_likelihood(key, module, variables, inputs, **directed)
    found = {
        "joint_log_likelihood": float(joint.mean()),
        "words_given_sound": float(given.mean()),
        "words_generated_from_sound": float(generated.mean()),
    }
    for source in inputs:
        made = evaluation.generate(key, module, variables, {source: inputs[source]})
        made = {name: np.asarray(jax.nn.sigmoid(x)) if name == "tags" else x for name, x in made.items()}
        for target, scores in evaluation.coherence(made, labels, classifiers, real=inputs).items():
            found[f"coherence {source} to {target}"] = scores["coherence"]
            found["chance/coherence"] = scores["chance/coherence"]
            found[f"real/coherence {target}"] = scores["real/coherence"]
    found["coherence"] = float(np.mean([v for k, v in found.items() if k.startswith("coherence ")]))
    posteriors = training.predict(module, variables, (dict(inputs),), method="posteriors")
    retrieved = evaluation.cross_modal_retrieval({name: mean for name, (mean, _) in posteriors.items()})
    found["recall@10"] = float(np.mean([scores["recall@10"] for scores in retrieved.values()]))
    found["chance/recall@10"] = next(iter(retrieved.values()))["chance/recall@10"]
    latents = training.predict(module, variables, (dict(inputs),), method="encode")[0]
    known = np.unique(labels[labels != ""])
    assignment = evaluation.kmeans(latents, len(known), seed=seed)
    clusters = evaluation.clustering_scores(latents, assignment, labels=labels)
    return found | {
        "silhouette": clusters["silhouette"],
        "adjusted_rand": clusters["adjusted_rand"],
        "active_units": float(evaluation.active_units(latents)),
    }


def _views(config: Config, prepared: Prepared, fit: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Vectors and masks of each modality, fitted on the training rows."""
    dataset = prepared.dataset
    has_sound, texts = dataset.masks["audio"], [str(lyrics) for lyrics in dataset.modalities["lyrics"]]
    heard = fit[has_sound[fit]]
    scaler = fit_standardizer(prepared.statistics[heard])
    components = fit_tempered_pca(scaler(prepared.statistics[heard]), config.audio_dim)
    has_words = dataset.masks["lyrics"]
    words = text.fit_tfidf_pca(
        [texts[row] for row in fit[has_words[fit]]], max_features=config.max_features, n_components=config.lyrics_dim
    )
    has_words = has_words & words.has_known_words(texts)
    inputs = {
        "sound": components(scaler(prepared.statistics)).astype(np.float32),
        "words": words.transform(texts, standardized=True).astype(np.float32),
    }
    masks = {"sound": has_sound, "words": has_words}
    if prepared.tags is not None:
        inputs["tags"], masks["tags"] = prepared.tags, np.ones(len(prepared.tags), bool)
    return inputs, masks


def _classifier(x: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Logistic regression of one modality's training rows."""
    from sklearn.linear_model import LogisticRegression

    known = rows[labels[rows] != ""]
    return LogisticRegression(max_iter=2000).fit(x[known], labels[known]).predict
