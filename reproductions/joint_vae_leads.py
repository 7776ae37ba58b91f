"""Joint VAE reproduction: two small experiments on why the document's numbers came out as they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import joint_vae_scores as scores
import numpy as np
import optax
from joint_vae_pipeline import Prepared, Variant, part_of

from jaxmusic import evaluation, losses, models, training
from jaxmusic.data.preprocessing import fit_standardizer

if TYPE_CHECKING:
    from joint_vae import Config

PLANTED = (4, 5, 6, 10)
EPS = 0.5
# Training pairs on a doubling scale; what the data does not hold is left out.
PAIRS = (50, 100, 200, 400, 800, 1600)


def run(config: Config, prepared: Prepared) -> dict[str, Any]:
    """Both experiments (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), 0)
    part = part_of(config, prepared, Variant(), jax.random.fold_in(key, 0))
    return {
        "duplicates": duplicates(prepared, scores.pca_of_spectrograms(prepared, part)[0]),
        "pairs": learning_curve(config, prepared),
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
            group = evaluation.coinciding_group_size(
                found["calinski_harabasz"],
                found["davies_bouldin"],
                n=len(planted),
                radius_ratio=float(noise.mean() / np.sqrt(np.mean(noise**2))),
            )
            product = found["calinski_harabasz"] * found["davies_bouldin"] ** 2
            keys = ("silhouette", "davies_bouldin", "calinski_harabasz", "n_clusters", "noise_share")
            scores_of = {key: float(found[key]) for key in keys}
            rows.append({"clip": clip, "planted": m, **scores_of, "product": float(product), "group": float(group)})
    return rows


def learning_curve(config: Config, prepared: Prepared) -> list[dict[str, Any]]:
    """Retrieval on the test part against the number of training pairs: linear CCA and two contrastive towers."""
    curve = []
    for seed in range(config.seeds):
        key = jax.random.fold_in(jax.random.key(0), seed)
        part = part_of(config, prepared, Variant(), jax.random.fold_in(key, 0))
        both = prepared.dataset.masks["audio"] & part.has_lyrics
        fit, test = part.fit[both[part.fit]], part.score[both[part.score]]
        order = np.random.default_rng(seed).permutation(fit)
        sizes = [n for n in PAIRS if n < len(fit)] + [len(fit)]
        for n in sizes:
            rows = order[:n]
            cca = scores.cca_retrieval(prepared, part, rows, test, None)
            towers = _towers(prepared, part.lyrics, rows, test, jax.random.fold_in(key, 4))
            chance = cca["lyrics_to_audio"]["chance/recall@10"]
            # The whole training part differs a little between seeds where groups are split; it is one point.
            point = {"seed": seed, "pairs": int(n), "is_all": n == len(fit), "chance": chance}
            for name, found in (("cca", cca), ("towers", towers)):
                point |= {f"{name}/{direction}": value["recall@10"] for direction, value in found.items()}
            curve.append(point)
    return curve


_OPTIMIZER = optax.adamw(1e-3, weight_decay=1e-2)
_LOSS = losses.contrastive()
_EPOCHS = 100


def _towers(
    prepared: Prepared, lyrics: np.ndarray, rows: np.ndarray, test: np.ndarray, key: jax.Array
) -> dict[str, dict[str, float]]:
    audio = fit_standardizer(prepared.statistics[rows])(prepared.statistics)
    module = models.DualEncoder()
    train = {"inputs": {"audio": audio[rows], "lyrics": lyrics[rows]}}
    # Step by step: one compilation serves every number of pairs.
    state, _ = training.fit(
        key, module, _LOSS, train, epochs=_EPOCHS, batch_size=64, optimizer=_OPTIMIZER, loop="python"
    )
    embedded = training.predict(
        module, state.variables, ({"audio": audio[test], "lyrics": lyrics[test]},), method="__call__"
    )
    return evaluation.cross_modal_retrieval(embedded.audio, embedded.lyrics)
