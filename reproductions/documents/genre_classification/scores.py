"""Genre classification: scores of the networks, and of the simple models that the document lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from records import tidy

from documents.genre_classification.pipeline import Corpus, Fitted, Part
from jaxmusic.evaluation import classification_scores

_SVD_COMPONENTS = 64


def baselines(corpus: Corpus, part: Part, seed: int) -> dict[str, dict[str, Any]]:
    """Name → scores on the test part: majority, logistic regressions, gradient boosting."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    lyrics = corpus.dataset.modalities["lyrics"]
    train, test, labels = part.train, part.test, corpus.labels
    counts = np.bincount(labels[train], minlength=len(corpus.genres))
    share = np.broadcast_to(counts / counts.sum(), (len(test), len(counts)))
    found = {"majority": classification_scores(share, labels[test])}

    def add(name: str, model: Any, x_train: Any, x_test: Any) -> None:
        model.fit(x_train, labels[train])
        probabilities = np.zeros((len(test), len(corpus.genres)))
        # A genre without training songs has no column.
        probabilities[:, model.classes_] = model.predict_proba(x_test)
        found[name] = classification_scores(probabilities, labels[test])

    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    words, words_test = vectorizer.fit_transform(lyrics[train]), vectorizer.transform(lyrics[test])
    add("TF-IDF, logistic regression", LogisticRegression(C=3.0, max_iter=2000), words, words_test)
    if "metadata" not in corpus.models:
        return found
    x, x_test = part.scaled[train], part.scaled[test]
    add("scaled features, logistic regression", LogisticRegression(max_iter=2000), x, x_test)
    svd = TruncatedSVD(min(_SVD_COMPONENTS, words.shape[1] - 1, words.shape[0] - 1), random_state=seed)
    both, both_test = np.hstack([x, svd.fit_transform(words)]), np.hstack([x_test, svd.transform(words_test)])
    boosting = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed)
    # Its threads wait for each other by spinning, which on a shared machine takes many times longer than one thread.
    with threadpool_limits(1):
        add("features and TF-IDF SVD, gradient boosting", boosting, both, both_test)
    return found


# What each network may be compared with: baselines that read the same columns.
_READABLE = {
    "lyrics": ("TF-IDF, logistic regression",),
    "metadata": ("scaled features, logistic regression",),
    "combined": (
        "features and TF-IDF SVD, gradient boosting",
        "TF-IDF, logistic regression",
        "scaled features, logistic regression",
    ),
}


def over_baseline(model: str, accuracy: float, simple: dict[str, dict[str, Any]]) -> float:
    """Accuracy of a network minus that of the best baseline of the same columns and split."""
    return accuracy - max(simple[name]["accuracy"] for name in _READABLE[model] if name in simple)


def score(fitted: Fitted, labels: np.ndarray) -> dict[str, Any]:
    """Scores of a network on the test part."""
    scores = classification_scores(fitted.probabilities, labels)
    scores["train_accuracy"] = float(fitted.curves["accuracy"][-1])
    if "test_accuracy" in fitted.curves:
        scores["best_test_accuracy"] = float(max(fitted.curves["test_accuracy"]))
    if fitted.probabilities_with_dropout is not None:
        hits = fitted.probabilities_with_dropout.argmax(1) == labels
        scores["accuracy_with_dropout"] = float(hits.mean())
    return scores


def records_of(scores: dict[str, Any], genres: tuple[str, ...], **keys: str) -> list[dict[str, Any]]:
    """Records of a model: every single number, and the accuracy of each class."""
    single = {name: value for name, value in scores.items() if not isinstance(value, list)}
    by_class = dict(zip(genres, scores["per_class"], strict=True))
    return [*tidy(single, "metric", **keys), *tidy(by_class, "genre", metric="class", **keys)]
