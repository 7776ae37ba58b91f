"""Beyond the Joint VAE document: how alignment grows with pairs, and what missing lyrics cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
from records import tidy

from documents.joint_vae_beyond import scores
from documents.joint_vae_beyond.cca import RIDGES
from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.pipeline import fit_variant, joint_mean
from documents.joint_vae_beyond.references import BASE as BASE_VIEWS
from documents.joint_vae_beyond.references import DOCUMENT, linear_cca
from documents.joint_vae_beyond.variants import BASE
from documents.joint_vae_beyond.views import Part, Prepared, part_of, views

# Training pairs on a doubling scale; what the data does not hold is left out.
PAIRS = (50, 100, 200, 400, 800, 1600)
MISSING = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
FUSIONS = ("average", "poe", "moe", "gated", "attention")


def run(config: Config, prepared: Prepared) -> dict[str, Any]:
    """The records of both experiments."""
    return {"pairs": learning_curve(config, prepared), "missing": missing_lyrics(config, prepared)}


def learning_curve(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """Retrieval on the test part against the number of training pairs; everything is fitted on those pairs alone."""
    curve: list[dict[str, Any]] = []
    for seed in range(min(config.seeds, config.experiment_seeds)):
        part = part_of(prepared, seed)
        fit, test = part.pairs(part.fit), part.pairs(part.test)
        order = np.random.default_rng(seed).permutation(fit)
        for n in [size for size in PAIRS if size < len(fit)] + [len(fit)]:
            small = replace(part, fit=np.sort(order[:n]))
            point = {"pairs": n, "chance": min(10, len(test)) / len(test)}
            pairs, valid = small.pairs(small.fit), small.pairs(small.valid)
            for name, inputs, ridges in (("cca_document", DOCUMENT, (0.1,)), ("cca", BASE_VIEWS, RIDGES)):
                seen = views(config, prepared, small, *inputs)
                found = linear_cca(config, seen, pairs, ridges, valid)
                assert found.audio is not None
                assert found.lyrics is not None
                point[name] = _recall(scores.query_values(found.audio, found.lyrics, test))
            # As many steps at every number of pairs: a curve over both would not say which of them helped.
            epochs = int(np.ceil(config.net.epochs * len(fit) / n))
            longer = replace(config, net=replace(config.net, epochs=epochs))
            fitted = fit_variant(longer, prepared, small, BASE, _key(seed, 10))
            point["base"] = _recall(scores.query_values(fitted.audio, fitted.lyrics, test))
            curve += tidy({"all" if n == len(fit) else int(n): point}, "size", "metric", seed=seed)
    return curve


def _recall(values: dict[str, dict[str, list[float]]]) -> float:
    """Recall@10, mean of both directions."""
    return float(np.mean([np.mean(found["recall@10"]) for found in values.values()]))


def _key(seed: int, purpose: int) -> jax.Array:
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(0), seed), purpose)


def missing_lyrics(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """Each fusion with a share of the lyrics dropped.

    Lyrics are dropped in training, and for the clusters in the test part, too. Retrieval is among all test pairs.
    """
    found: list[dict[str, Any]] = []
    for seed in range(min(config.seeds, config.experiment_seeds)):
        part = part_of(prepared, seed)
        lottery = np.random.default_rng(seed).random(len(prepared.dataset))
        for share in MISSING:
            kept = part.has_lyrics & (lottery >= share)
            trained = _without(part, kept)
            for fusion in FUSIONS:
                variant = replace(BASE, fusion=fusion)
                fitted = fit_variant(config, prepared, trained, variant, _key(seed, 11))
                seen = views(config, prepared, trained, variant.audio, variant.lyrics)
                joint = joint_mean(fitted, seen, trained, np.arange(len(kept)), kept)
                space = scores.space_scores(config, prepared, part, joint, seed)
                values = scores.query_values(fitted.audio, fitted.lyrics, part.pairs(part.test))
                measured = {"recall@10": _recall(values), "finite": float(np.isfinite(joint).all())}
                if "genre" in space["clusters"]:
                    measured["genre NMI"] = space["clusters"]["genre"]["normalized_mutual_information"]
                found += tidy(measured, "metric", seed=seed, share=share, fusion=fusion)
    return found


def _without(part: Part, kept: np.ndarray) -> Part:
    """The part with lyrics of training rows only where `kept`; validation and test rows keep theirs."""
    has_lyrics = part.has_lyrics.copy()
    has_lyrics[part.fit] &= kept[part.fit]
    return replace(part, has_lyrics=has_lyrics)
