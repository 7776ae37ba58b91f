"""Fusion recommender: matrix factorisation, its factors regressed from features, and popularity added to a content."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax

from documents.fusion_recommender.config import Config
from documents.fusion_recommender.listening import Listening, halves, popularity_of
from documents.fusion_recommender.pipeline import Fitted, Part
from jaxmusic import losses, recommend, training
from jaxmusic._arrays import unit_rows
from jaxmusic.evaluation import expected_average_precision
from jaxmusic.models.layers import MLP

# Of the lists.
LENGTH = 500
# Weights of log-popularity, in standard deviations of the cosine, that a hybrid chooses from.
_HYBRID_WEIGHTS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
_SAMPLE = 256  # users whose scores say how widely a cosine spreads
# Users' vectors and test songs' vectors.
Pair = tuple[np.ndarray, np.ndarray]


def hybrids(
    config: Config,
    part: Part,
    heard: Listening,
    fitted: dict[str, Fitted],
    factors: dict[str, Pair],
    seed: int,
    key: jax.Array,
) -> tuple[dict[str, Pair], dict[str, float]]:
    """Cosine plus a weight times log-popularity, for several contents; and the weights.

    A weight is chosen by splitting the history part once more: what is scored there is hidden from profiles,
    popularity and factorisation alike, and the held-out part is not looked at.
    """
    first, second = halves(heard.history, np.random.default_rng([seed, 13]))
    # Users whose history is one song have nothing to choose by.
    usable = (np.diff(first.indptr) > 0) & (np.diff(second.indptr) > 0)
    contents = _contents(part, heard, fitted, factors)
    weights = dict.fromkeys(contents, 1.0)
    if usable.any():
        inner = Listening(heard.users[usable], first[usable], second[usable], heard.train_plays, {})
        found = _contents(part, inner, fitted, factorised(config, part, inner, seed, key))
        for name in weights:
            tried = [_inner_precision(inner, *found[name], weight) for weight in _HYBRID_WEIGHTS]
            weights[name] = _HYBRID_WEIGHTS[int(np.argmax(tried))]
    return {name: _with_popularity(heard.history, *pair, weights[name]) for name, pair in contents.items()}, weights


def _contents(part: Part, heard: Listening, fitted: dict[str, Fitted], factors: dict[str, Pair]) -> dict[str, Pair]:
    """Name → (users' vectors, test songs' vectors)."""
    items = {"raw": part.fused[part.test], "tags": part.tag_vectors[part.test]}
    if "row2" in fitted:
        items["fusion"] = fitted["row2"].probabilities[part.test]
    found = {name: (recommend.profiles(heard.history, x), x) for name, x in items.items()}
    return found | {name: pair for name, pair in factors.items() if name != "wmf"}


def _inner_precision(inner: Listening, users: np.ndarray, items: np.ndarray, weight: float) -> float:
    users, items = _with_popularity(inner.history, users, items, weight)
    scores = recommend.score_blocks(users, items, exclude=inner.history)
    return float(np.nanmean(expected_average_precision(scores, inner.held_out, k=LENGTH)))


def _with_popularity(
    history: csr_array, users: np.ndarray, items: np.ndarray, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors over their cosines' spread, and one more column, so that the product adds the popularity."""
    users, items = unit_rows(users), unit_rows(items)
    spread = max(float(np.std(users[:_SAMPLE] @ items.T)), 1e-12)
    popularity = np.log1p(popularity_of(history))
    column = weight * popularity / max(popularity.max(), 1e-12)
    return np.hstack([users / spread, np.ones((len(users), 1))]), np.hstack([items, column[:, None]])


def ridge(x: np.ndarray, y: np.ndarray) -> Any:
    """A function from features to targets, fitted on the rows given."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=10.0).fit(x, y).predict


def factorised(config: Config, part: Part, heard: Listening, seed: int, key: jax.Array) -> dict[str, Pair]:
    """WMF and its factors regressed from features: name → (users' factors, test songs' factors).

    Fitted on the training songs' plays and the history part; held-out plays are in neither. The regressions see the
    factors of training songs only, as van den Oord et al. (2013) have it, who also rank with WMF's own user factors.
    """
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_array, csr_matrix, hstack
    from threadpoolctl import threadpool_limits

    n_users = heard.train_plays.shape[0]
    history = heard.history.tocoo()
    spread = csr_array((history.data, (heard.users[history.row], history.col)), (n_users, len(part.test)))
    plays = hstack([heard.train_plays, spread], format="csr")
    plays.data = (config.wmf.alpha * np.log1p(plays.data)).astype(np.float32)
    # One thread, for sums in one order; and its own warning is about the threads that this limit takes away.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=config.wmf.factors,
            regularization=config.wmf.regularization,
            iterations=config.wmf.iterations,
            random_state=seed,
            num_threads=1,
        )
        model.fit(csr_matrix(plays), show_progress=False)
    users = np.asarray(model.user_factors)[heard.users]
    items = np.asarray(model.item_factors)
    trained = np.flatnonzero(np.asarray((heard.train_plays > 0).sum(axis=0)).ravel() > 0)
    found = {"wmf": (users, items[len(part.train) :])}
    if len(trained) >= 2:
        x, y = part.fused[part.train[trained]], items[trained]
        test = part.fused[part.test]
        found["wmf_linear"] = (users, ridge(x, y)(test))
        found["wmf_mlp"] = (users, _mlp(config, key, x, y)(test))
    return found


def _mlp(config: Config, key: jax.Array, x: np.ndarray, y: np.ndarray) -> Any:
    """An MLP of one hidden layer of 512, by squared error on standardised targets."""
    mean, scale = y.mean(0), np.maximum(y.std(0), 1e-6)
    module = MLP((512, y.shape[1]))
    state, _ = training.fit(
        key,
        module,
        _squared_error,
        {"inputs": x, "targets": ((y - mean) / scale).astype(np.float32)},
        epochs=config.wmf.mlp_epochs,
        batch_size=min(config.net.batch_size, len(x)),
        optimizer=optax.adamw(1e-3, weight_decay=1e-2),
    )
    return lambda rows: training.predict(module, state.variables, (rows,), method="__call__") * scale + mean


def _squared_error(outputs: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
    return losses.masked_mean(((outputs - batch["targets"]) ** 2).mean(-1), batch["row_mask"]), {}
