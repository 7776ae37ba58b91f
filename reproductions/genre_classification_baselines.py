"""Genre classification reproduction: the simple models that the document lacks, fitted on the training part alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from genre_classification_pipeline import Corpus, Part

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
