"""Fusion recommender: the lists that each method makes, and their scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
from records import tidy

from documents.fusion_recommender.config import Config
from documents.fusion_recommender.factors import LENGTH, factorised, hybrids, ridge
from documents.fusion_recommender.listening import Listening, Protocol, listening, popularity_of, protocols
from documents.fusion_recommender.pipeline import Classes, Fitted, Part
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1
from jaxmusic import recommend
from jaxmusic.evaluation import expected_average_precision, expected_ranking_scores

MAP = f"map@{LENGTH}"
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
    "long": "fusion net, k = 6, {long_epochs} epochs, first seed",
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


# Methods that every protocol scores.
PROTOCOL_TITLES = {
    name: TITLES[name] for name in ("random", "popularity", "labels", METADATA_ONLY, "row4", "row3", "row2", "soft")
}
# The document's own rows of Table 2, and what they are called there.
STATED = (METADATA_ONLY, "row4", "row3", "row2")


class Scorer:
    """Scores lists of one `Listening`; keeps each method's AP for every user.

    Every score is the mean over all orders of equally scored songs: networks that are sure, and labels, tell hundreds
    of songs not apart, and the order in which a file has them is none.
    """

    def __init__(self, heard: Listening) -> None:
        self.heard, self.scores = heard, dict[str, dict[str, float]]()
        self.precision = dict[str, np.ndarray]()

    def add(self, name: str, users: np.ndarray, items: np.ndarray, *, similarity: str = "dot") -> None:
        """Rank the test songs by the users' and items' vectors, the user's history left out."""
        heard = self.heard
        scores = list(recommend.score_blocks(users, items, exclude=heard.history, similarity=similarity))
        self.scores[name] = expected_ranking_scores(scores, heard.held_out, k=LENGTH)
        self.precision[name] = expected_average_precision(scores, heard.held_out, k=LENGTH)

    def add_content(self, name: str, items: np.ndarray, *, similarity: str = "dot") -> None:
        """Rank by profiles made of the items' own vectors."""
        self.add(name, recommend.profiles(self.heard.history, items), items, similarity=similarity)


def score(
    config: Config, part: Part, classes: dict[int, Classes], fitted: dict[str, Fitted], seed: int, key: jax.Array
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Records of the lists on one seed's test songs; and who was scored, with each user's AP (JSON)."""
    heard = listening(config, part, seed)
    scorer = Scorer(heard)
    one = np.ones((len(heard.users), 1))
    popularity = popularity_of(heard.history)
    scorer.add("random", one, np.zeros((len(part.test), 1)))
    scorer.add("popularity", one, popularity[:, None])
    fused, tags = part.fused[part.test], part.tag_vectors[part.test]
    scorer.add_content("raw_cosine", fused, similarity="cosine")
    scorer.add_content("labels", one_hot(classes[TABLE1["row2"].k])[part.test])
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
    added, chosen = hybrids(config, part, heard, fitted, factors, seed, key)
    for name, (users, items) in added.items():
        scorer.add(f"hybrid_{name}", users, items)
    return tidy(scorer.scores, "method", "metric") + tidy(
        by_protocol(config, part, classes, fitted, heard, seed), "protocol", "ranked", metric=MAP
    ), {
        "facts": heard.facts,
        "hybrid weights": chosen,
        "users": heard.users.tolist(),
        "precision": {name: np.round(values, 6).tolist() for name, values in scorer.precision.items()},
    }


def by_protocol(
    config: Config,
    part: Part,
    classes: dict[int, Classes],
    fitted: dict[str, Fitted],
    heard: Listening,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Protocol → method → mAP; `users` and `songs` are how many are ranked and for how many."""
    vectors = {"labels": one_hot(classes[TABLE1["row2"].k])}
    vectors |= {name: fitted[name].probabilities for name in PROTOCOL_TITLES if name in fitted}
    found = {}
    for protocol, rules in protocols(config, part, heard, seed).items():
        known = (rules.relevant if rules.exclude is None else rules.exclude).toarray() != 0
        # Of the other users: a user's own plays say what is to be found.
        popular = (known.sum(axis=0) - known).astype(np.float32)
        hidden = np.zeros_like(popular) if rules.exclude is None else np.where(known, -np.inf, np.float32(0))
        scores = {"random": mean_precision(rules, [hidden]), "popularity": mean_precision(rules, [popular + hidden])}
        for name, x in vectors.items():
            users, items = recommend.profiles(rules.profile, x), x[rules.candidates]
            scores[name] = mean_precision(rules, recommend.score_blocks(users, items, exclude=rules.exclude))
        found[protocol] = {"users": rules.relevant.shape[0], "songs": len(rules.candidates), **scores}
    return found


def sweep(
    config: Config, part: Part, classes: dict[int, Classes], by_k: dict[int, Fitted], seed: int
) -> list[dict[str, Any]]:
    """Records of mAP by the number of classes: the net's probabilities by dot product and cosine, and labels alone."""
    heard = listening(config, part, seed)
    found = {}
    for k, fitted in sorted(by_k.items()):
        scorer = Scorer(heard)
        items = fitted.probabilities[part.test]
        scorer.add_content("dot", items)
        scorer.add_content("cosine", items, similarity="cosine")
        scorer.add_content("labels", one_hot(classes[k])[part.test])
        found[k] = {way: scores[MAP] for way, scores in scorer.scores.items()}
    return tidy(found, "k", "way", metric=MAP)


def mean_precision(rules: Protocol, scores: Iterable[np.ndarray]) -> float:
    """mAP of scores `[users, candidates]`, in blocks, under a protocol."""
    return float(np.nanmean(expected_average_precision(scores, rules.relevant, k=LENGTH)))


def one_hot(classes: Classes) -> np.ndarray:
    """`[n, k]` the songs' clusters; zeros for a song without one."""
    return (classes.labels[:, None] == np.arange(classes.k)).astype(np.float32)
