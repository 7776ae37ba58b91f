"""Fusion recommender: histories, the lists that each method makes for them, and their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
import optax

from documents.fusion_recommender.config import Config
from documents.fusion_recommender.pipeline import Classes, Fitted, Part
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1
from jaxmusic import losses, recommend, training
from jaxmusic.evaluation import average_precision, ranking_scores
from jaxmusic.models.layers import MLP

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LENGTH = 500
# Weights of log-popularity, in standard deviations of the cosine, that a hybrid chooses from.
_HYBRID_WEIGHTS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
_SAMPLE = 256  # users whose scores say how widely a cosine spreads
TITLES = {
    "random": "random order",
    "popularity": "popularity (users in the history part)",
    "raw_cosine": "cosine on the fused features, no net",
    "labels": "K-means labels, k = 6, no net",
    "tags": "tag word vectors, cosine, no net",
    "tags_predicted": "tag word vectors predicted from the features by ridge regression, cosine",
    **{
        name: f"fusion net, k = {setting.k}, rate {setting.learning_rate:g}, p = {setting.dropout}"
        for name, setting in TABLE1.items()
    },
    METADATA_ONLY: "fusion net, k = 6, metadata only",
    "soft": "fusion net, k = {k}, dot",
    "soft_cosine": "fusion net, k = {k}, cosine",
    "row2_cosine": "fusion net, k = 6, cosine",
    "wmf_linear": "WMF factors by ridge regression on the features",
    "wmf_mlp": "WMF factors by an MLP on the features",
    "wmf_linear_cosine": "WMF factors by ridge regression, cosine",
    "wmf_mlp_cosine": "WMF factors by an MLP, cosine",
    "wmf": "WMF itself (sees the test songs' history part)",
    "hybrid_fusion": "fusion net, k = 6, cosine + popularity",
    "hybrid_tags": "tag word vectors, cosine + popularity",
    "hybrid_raw": "cosine on the fused features + popularity",
    "hybrid_wmf_linear": "WMF factors by ridge regression, cosine + popularity",
    "hybrid_wmf_mlp": "WMF factors by an MLP, cosine + popularity",
}


class Listening(NamedTuple):
    """Plays on the test songs, split for every user; columns are the part's test songs.

    Attributes:
        users: rows of the data set's users that have two plays on test songs or more.
        history: `[users, test]` what profiles are made of.
        held_out: `[users, test]` what lists are scored on.
        train_plays: `[all users, train]`.
        facts: counts.
    """

    users: np.ndarray
    history: csr_array
    held_out: csr_array
    train_plays: csr_array
    facts: dict[str, Any]


def listening(config: Config, part: Part, seed: int) -> Listening:
    """Half of each user's test songs, drawn, as history; the other half (the larger where odd) is held out."""
    plays = part.songs.plays[:, part.test].tocsr()
    counts = np.diff(plays.indptr)
    rng = np.random.default_rng([seed, 7])
    users = np.flatnonzero(counts >= 2)
    if not len(users):
        raise ValueError("no user has two plays on test songs: nothing can be held out. Give more songs or plays")
    left_out = int(((counts > 0) & (counts < 2)).sum())
    if len(users) > config.users:
        users = np.sort(rng.choice(users, config.users, replace=False))
    history, held_out = halves(plays[users].tocsr(), rng)
    facts = {
        "users": len(users),
        "users left out (one play on test songs)": left_out,
        "users without a play on test songs": int((counts == 0).sum()),
        "candidate songs": len(part.test),
        "history plays": int(history.nnz),
        "held-out plays": int(held_out.nnz),
    }
    return Listening(users, history, held_out, part.songs.plays[:, part.train].tocsr(), facts)


def halves(plays: csr_array, rng: np.random.Generator) -> tuple[csr_array, csr_array]:
    """Each row's entries in two disjoint halves; the second is the larger where odd, and the only one of a single."""
    from scipy.sparse import csr_array as sparse

    counts = np.diff(plays.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((rng.random(plays.nnz), rows))
    rank = np.empty(plays.nnz, np.int64)
    rank[order] = np.arange(plays.nnz) - plays.indptr[rows[order]]
    first = rank < counts[rows] // 2
    made = [
        sparse((plays.data[chosen], (rows[chosen], plays.indices[chosen])), plays.shape) for chosen in (first, ~first)
    ]
    return made[0], made[1]


class Scorer:
    """Scores lists of one `Listening`; keeps each method's AP for every user."""

    def __init__(self, heard: Listening) -> None:
        self.heard, self.scores = heard, dict[str, dict[str, float]]()
        self.precision = dict[str, np.ndarray]()

    def add(self, name: str, users: np.ndarray, items: np.ndarray, *, similarity: str = "dot") -> None:
        """Rank the test songs by the users' and items' vectors, the user's history left out."""
        lists = recommend.top_items(
            users, items, min(LENGTH, len(items)), exclude=self.heard.history, similarity=similarity
        )
        # Few songs make short lists; what is not there is a place without a song.
        full = np.pad(lists, ((0, 0), (0, LENGTH - lists.shape[1])), constant_values=-1)
        self.scores[name] = ranking_scores(full, self.heard.held_out, k=LENGTH)
        self.precision[name] = average_precision(lists, self.heard.held_out, k=LENGTH)

    def add_content(self, name: str, items: np.ndarray, *, similarity: str = "dot") -> None:
        """Rank by profiles made of the items' own vectors."""
        self.add(name, recommend.profiles(self.heard.history, items), items, similarity=similarity)


def score(
    config: Config, part: Part, classes: dict[int, Classes], fitted: dict[str, Fitted], seed: int, key: jax.Array
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Method → scores of its lists on one seed's test songs; and who was scored, with each user's AP (JSON)."""
    heard = listening(config, part, seed)
    scorer = Scorer(heard)
    rng = np.random.default_rng([seed, 11])
    n_users, n_items = heard.history.shape
    scorer.add("random", rng.normal(size=(n_users, 16)), rng.normal(size=(n_items, 16)))
    popularity = popularity_of(heard.history)
    scorer.add("popularity", np.ones((n_users, 1)), popularity[:, None])
    fused, tags = part.fused[part.test], part.tag_vectors[part.test]
    scorer.add_content("raw_cosine", fused, similarity="cosine")
    scorer.add_content("labels", one_hot(classes[TABLE1["row2"].k], part.test))
    scorer.add_content("tags", tags, similarity="cosine")
    predicted = ridge(part.fused[part.train], part.tag_vectors[part.train])(fused)
    scorer.add_content("tags_predicted", predicted, similarity="cosine")
    for name, found in fitted.items():
        scorer.add_content(name, found.probabilities[part.test])
        if name in ("row2", "soft"):
            scorer.add_content(f"{name}_cosine", found.probabilities[part.test], similarity="cosine")
    factors = factorised(config, part, heard, seed, key)
    for name, (users, items) in factors.items():
        scorer.add(name, users, items)
        if name != "wmf":
            scorer.add(f"{name}_cosine", users, items, similarity="cosine")
    chosen = hybrids(config, part, scorer, fitted, factors, seed, key)
    return scorer.scores, {
        "facts": heard.facts,
        "hybrid weights": chosen,
        "users": heard.users.tolist(),
        "precision": {name: np.round(values, 6).tolist() for name, values in scorer.precision.items()},
    }


def popularity_of(history: csr_array) -> np.ndarray:
    """Users who have each item in the history part."""
    return np.bincount(history.indices, minlength=history.shape[1]).astype(np.float32)


def one_hot(classes: Classes, rows: np.ndarray) -> np.ndarray:
    """`[rows, k]` the songs' clusters; zeros for a song without one."""
    return (classes.labels[rows][:, None] == np.arange(classes.k)).astype(np.float32)


def hybrids(
    config: Config,
    part: Part,
    scorer: Scorer,
    fitted: dict[str, Fitted],
    factors: dict[str, tuple[np.ndarray, np.ndarray]],
    seed: int,
    key: jax.Array,
) -> dict[str, float]:
    """Cosine plus a weight times log-popularity, for several contents; returns the weights.

    A weight is chosen by splitting the history part once more: what is scored there is hidden from profiles,
    popularity and factorisation alike, and the held-out part is not looked at.
    """
    heard = scorer.heard
    first, second = halves(heard.history, np.random.default_rng([seed, 13]))
    # Users whose history is one song have nothing to choose by.
    usable = (np.diff(first.indptr) > 0) & (np.diff(second.indptr) > 0)
    weights = dict.fromkeys(_contents(part, heard, fitted, factors), 1.0)
    if usable.any():
        inner = Listening(heard.users[usable], first[usable], second[usable], heard.train_plays, {})
        found = _contents(part, inner, fitted, factorised(config, part, inner, seed, key))
        for name in weights:
            users, items = found[name]
            tried = [_inner_precision(inner, users, items, weight) for weight in _HYBRID_WEIGHTS]
            weights[name] = _HYBRID_WEIGHTS[int(np.argmax(tried))]
    for name, (users, items) in _contents(part, heard, fitted, factors).items():
        scorer.add(f"hybrid_{name}", *_with_popularity(heard.history, users, items, weights[name]))
    return weights


def _contents(
    part: Part, heard: Listening, fitted: dict[str, Fitted], factors: dict[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name → (users' vectors, test songs' vectors)."""
    items = {"raw": part.fused[part.test], "tags": part.tag_vectors[part.test]}
    if "row2" in fitted:
        items["fusion"] = fitted["row2"].probabilities[part.test]
    found = {name: (recommend.profiles(heard.history, x), x) for name, x in items.items()}
    return found | {name: pair for name, pair in factors.items() if name != "wmf"}


def _inner_precision(inner: Listening, users: np.ndarray, items: np.ndarray, weight: float) -> float:
    users, items = _with_popularity(inner.history, users, items, weight)
    lists = recommend.top_items(users, items, min(LENGTH, len(items)), exclude=inner.history)
    return float(np.nanmean(average_precision(lists, inner.held_out, k=LENGTH)))


def _with_popularity(
    history: csr_array, users: np.ndarray, items: np.ndarray, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors over their cosines' spread, and one more column, so that the product adds the popularity."""
    users, items = _unit(users), _unit(items)
    spread = max(float(np.std(users[:_SAMPLE] @ items.T)), 1e-12)
    popularity = np.log1p(popularity_of(history))
    column = weight * popularity / max(popularity.max(), 1e-12)
    return np.hstack([users / spread, np.ones((len(users), 1))]), np.hstack([items, column[:, None]])


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def ridge(x: np.ndarray, y: np.ndarray) -> Any:
    """A function from features to targets, fitted on the rows given."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=10.0).fit(x, y).predict


def factorised(
    config: Config, part: Part, heard: Listening, seed: int, key: jax.Array
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
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
