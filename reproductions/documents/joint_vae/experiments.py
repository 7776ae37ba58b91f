"""Joint VAE: small experiments on why the document's numbers came out as they did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
from records import tidy

from documents.joint_vae import scores
from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Prepared, fit_fc, part_of, trainers_of
from documents.joint_vae.variants import Variant
from documents.readings import READINGS
from jaxmusic import evaluation, losses, models, training
from jaxmusic.data.preprocessing import fit_standardizer

PLANTED = (4, 5, 6, 10)
EPS = 0.5
# Training pairs on a doubling scale; what the data does not hold is left out.
PAIRS = (50, 100, 200, 400, 800, 1600)


def run(config: Config, prepared: Prepared) -> dict[str, list[dict[str, Any]]]:
    """Records: planted clips, retrieval by number of pairs, the FC-VAE's latent size, KL weight and reading."""
    key = jax.random.fold_in(jax.random.key(0), 0)
    part = part_of(config, prepared, Variant(), jax.random.fold_in(key, 0))
    return {
        "duplicates": duplicates(prepared, scores.pca_of_spectrograms(prepared, part)[0]),
        "pairs": learning_curve(config, prepared),
        "ablation": ablation(config, prepared),
        "readings": readings(config, prepared),
    }


def duplicates(prepared: Prepared, pca: np.ndarray) -> list[dict[str, Any]]:
    """DBSCAN on the clips with one of them planted m times, as silence or a song uploaded twice would be.

    Identical clips have identical features, so the copies are planted in the standardised PCA space. With m ≥ 5 =
    min_samples they are a cluster; all else stays noise where typical distances exceed eps. How far the group lies
    from the rest sets silhouette and Davies-Bouldin, not their product with Calinski-Harabasz: so the first clip is
    planted once, and the farthest from the centre another time.
    """
    x = pca[prepared.dataset.masks["audio"]]
    x = fit_standardizer(x)(x)
    farthest = int(np.argmax(np.linalg.norm(x, axis=1)))
    rows = []
    for clip, row in (("first", 0), ("farthest", farthest)):
        for m in PLANTED:
            planted = np.concatenate([x, np.repeat(x[row : row + 1], m - 1, axis=0)])
            found = evaluation.clustering_scores(planted, evaluation.dbscan(planted, EPS))
            others = np.delete(x, row, axis=0)
            noise = np.linalg.norm(others - others.mean(0), axis=1)
            product = found["calinski_harabasz"] * found["davies_bouldin"] ** 2
            # Where all is noise there are no scores, and no group to find in them.
            group = np.nan
            if np.isfinite(product):
                group = evaluation.coinciding_group_size(
                    found["calinski_harabasz"],
                    found["davies_bouldin"],
                    n=len(planted),
                    radius_ratio=float(noise.mean() / np.sqrt(np.mean(noise**2))),
                )
            keys = ("silhouette", "davies_bouldin", "calinski_harabasz", "n_clusters", "noise_share")
            scored = {key: found[key] for key in keys} | {"product": product, "group": group}
            rows += tidy({clip: {m: scored}}, "clip", "planted", "metric", seed=0)
    return rows


def learning_curve(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """Retrieval on the test part against the number of training pairs: linear CCA and two contrastive towers."""
    optimizer = optax.adamw(1e-3, weight_decay=1e-2)
    trainer = training.Trainer(models.DualEncoder(), losses.contrastive(), optimizer, batch_size=_TOWER_BATCH)
    curve = []
    for seed in range(config.seeds):
        key = jax.random.fold_in(jax.random.key(0), seed)
        part = part_of(config, prepared, Variant(), jax.random.fold_in(key, 0))
        both = prepared.dataset.masks["audio"] & part.has_lyrics
        fit, test = part.fit[both[part.fit]], part.score[both[part.score]]
        order = np.random.default_rng(seed).permutation(fit)
        assert part.valid is not None
        valid = part.valid[both[part.valid]]
        sizes = [n for n in PAIRS if n < len(fit)] + [len(fit)]
        for n in sizes:
            rows = order[:n]
            cca = evaluation.cross_modal_retrieval(*scores.cca_projections(prepared, part, rows, test))
            towers, nats = _towers(trainer, prepared, part.lyrics, rows, valid, test, jax.random.fold_in(key, 4))
            chance = cca["lyrics_to_audio"]["chance/recall@10"]
            point = {"chance": chance, "pairs": n, **nats}
            for name, found in (("cca", cca), ("towers", towers)):
                point |= {f"{name}/{direction}": value["recall@10"] for direction, value in found.items()}
            # The whole training part differs a little between seeds where groups are split; it is one size.
            curve += tidy({"all" if n == len(fit) else int(n): point}, "size", "metric", seed=seed)
    return curve


# The same number of steps at every number of pairs: a curve over both would not say which of them helped.
STEPS, _TOWER_BATCH = 600, 32


def _towers(
    trainer: training.Trainer,
    prepared: Prepared,
    lyrics: np.ndarray,
    rows: np.ndarray,
    valid: np.ndarray,
    test: np.ndarray,
    key: jax.Array,
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Retrieval by the towers of the epoch with the lowest validation loss, and that epoch's InfoNCE in nats."""
    audio = fit_standardizer(prepared.statistics[rows])(prepared.statistics)
    batches = [{"inputs": {"audio": audio[part], "lyrics": lyrics[part]}} for part in (rows, valid)]
    epochs = -(-STEPS // -(-len(rows) // _TOWER_BATCH))
    # Step by step: one compilation serves every number of pairs.
    state, info = trainer.fit(key, batches[0], valid=batches[1], patience=epochs, epochs=epochs, loop="python")
    embedded = training.predict(
        models.DualEncoder(), state.variables, ({"audio": audio[test], "lyrics": lyrics[test]},), method="__call__"
    )
    best = info.best_epoch
    nats = {
        "train_info_nce": float(info.metrics["loss"][best]),
        "valid_info_nce": float(info.metrics["valid_loss"][best]),
    }
    return evaluation.cross_modal_retrieval(embedded.audio, embedded.lyrics), nats


def readings(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """The FC-VAE, which trains in seconds, under every reading of the loss, on all clips and on the split."""
    trainers = {name: trainers_of(config, prepared, Variant(name)).fc for name in READINGS}
    found = []
    for seed in range(config.seeds):
        key = jax.random.fold_in(jax.random.key(0), seed)
        for fit_on_all in (True, False):
            part = part_of(config, prepared, Variant(fit_on_all=fit_on_all), jax.random.fold_in(key, 0))
            for name, trainer in trainers.items():
                fc = fit_fc(config, trainer, prepared, part, jax.random.fold_in(key, 1), None)
                column = name if fit_on_all else f"{name}_split"
                found += tidy({column: scores.score_fc(config, prepared, part, fc)}, "column", "metric", seed=seed)
    return found


# One at a time around the document's 32 and 1.
LATENTS, BETAS = (8, 16, 32, 64), (0.25, 1.0, 4.0)


def ablation(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """The FC-VAE's latent size, and its weight of the KL divergence, on the split and with the error summed."""
    cells = [(latent, config.loss.beta) for latent in LATENTS]
    cells += [(config.fc.latent, beta) for beta in BETAS if (config.fc.latent, beta) not in cells]
    rows = []
    for latent, beta in cells:
        changed = replace(config, fc=replace(config.fc, latent=latent), loss=replace(config.loss, beta=beta))
        trainer = trainers_of(changed, prepared, Variant("sum_sum")).fc
        for seed in range(config.seeds):
            key = jax.random.fold_in(jax.random.key(0), seed)
            part = part_of(changed, prepared, Variant(), jax.random.fold_in(key, 0))
            fc = fit_fc(changed, trainer, prepared, part, jax.random.fold_in(key, 1), None)
            found = scores.score_fc(changed, prepared, part, fc)
            rows += tidy({latent: {beta: found}}, "latent", "beta", "metric", seed=seed)
    return rows
