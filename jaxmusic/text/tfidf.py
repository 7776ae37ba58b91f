"""Lyrics → 64 numbers and back: TF-IDF weights on their principal components."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic._arrays import whole
from jaxmusic.text.checks import list_of_texts
from jaxmusic.text.language import content_words, detect_language

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

__all__ = ["TfidfPCA", "fit_tfidf_pca"]

# A component with less of the variance than this is rounding error, and dividing by its spread would blow it up.
_NEGLIGIBLE_VARIANCE = 1e-10


@dataclass(frozen=True, eq=False)
class TfidfPCA:
    """TF-IDF weights and their principal components, fitted on some lyrics and fixed from then on.

    `fit_tfidf_pca` makes it. Its width never changes: where the lyrics span fewer than `n_components` directions
    (few songs, few words, repeated texts), the columns beyond them are zero in every score and never NaN.

    Attributes:
        vectorizer: the fitted `sklearn.feature_extraction.text.TfidfVectorizer`.
        components: `[n_components, vocabulary]`, orthonormal rows; zero rows beyond the lyrics' own rank.
        mean: `[vocabulary]` mean TF-IDF weights of the lyrics it was fitted on.
        scale: `[n_components]` standard deviations of the fitted lyrics' scores (their means are 0); 1 where a
            column is constant.
        explained_variance_ratio: `[n_components]` share of the TF-IDF weights' variance on each component.
        counts: `fitted` lyrics, `empty` ones and those `without_words` of the vocabulary, both left out of the fit.
        languages: language → lyrics detected, for the language-aware form; empty for the other.
    """

    vectorizer: TfidfVectorizer
    components: Float[np.ndarray, "components vocabulary"]
    mean: Float[np.ndarray, " vocabulary"]
    scale: Float[np.ndarray, " components"]
    explained_variance_ratio: Float[np.ndarray, " components"]
    counts: Mapping[str, int]
    languages: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_components(self) -> int:
        """The width of every score vector."""
        return len(self.components)

    @property
    def vocabulary(self) -> np.ndarray:
        """`[vocabulary]` str, the words in the order of the TF-IDF weights."""
        return self.vectorizer.get_feature_names_out()

    def tfidf(self, texts: Sequence[str]) -> csr_matrix:
        """Sparse TF-IDF weights `[n, vocabulary]` of `n` lyrics; a row of an empty text is zero.

        Args:
            texts: `n` lyrics.

        Returns:
            `[n, vocabulary]`, rows of unit length.

        Raises:
            TypeError: one string instead of texts, or a text that is none.
        """
        return self.vectorizer.transform(list_of_texts(texts))

    def has_known_words(self, texts: Sequence[str]) -> Bool[np.ndarray, " n"]:
        """True where a text has at least one word of the vocabulary: the lyrics' mask for anything fitted on them.

        Args:
            texts: `n` lyrics.

        Returns:
            `[n]` bool.
        """
        return np.diff(self.tfidf(texts).indptr) > 0

    def transform(self, texts: Sequence[str], *, standardized: bool = False) -> Float[np.ndarray, "n components"]:
        """Scores of lyrics on the principal components.

        Args:
            texts: `n` lyrics. Empty ones, and ones without a single known word, get zeros; `has_known_words`
                says which they are.
            standardized: divide each column by its standard deviation over the fitted lyrics.

        Returns:
            `[n, n_components]` float32.
        """
        weights = self.tfidf(texts)
        scores = weights @ self.components.T - self.mean @ self.components.T
        # Without a word there is nothing to subtract the mean from: zero is the centre of the fitted lyrics.
        scores[np.diff(weights.indptr) == 0] = 0
        return (scores / self.scale if standardized else scores).astype(np.float32)

    def inverse_transform(
        self, scores: Float[np.ndarray, "n components"], *, standardized: bool = False
    ) -> Float[np.ndarray, "n vocabulary"]:
        """TF-IDF weights that scores stand for: exact up to the variance that the components leave out.

        Args:
            scores: `[n, n_components]`, as `transform` gives them or as a model reconstructs them.
            standardized: whether the scores are in units of the fitted lyrics' standard deviations.

        Returns:
            `[n, vocabulary]` float64; some may be slightly negative.
        """
        scores = np.asarray(scores, np.float64)
        return (scores * self.scale if standardized else scores) @ self.components + self.mean

    def top_terms(
        self, weights: Float[np.ndarray, "n vocabulary"], *, n_terms: int = 10
    ) -> list[list[tuple[str, float]]]:
        """The words with the largest positive weights, largest first.

        Args:
            weights: `[n, vocabulary]`: TF-IDF weights, or `components` to read what a component stands for
                (`-components` for its other end).
            n_terms: words per row at most.

        Returns:
            For each row a list of (word, weight).
        """
        weights, vocabulary = np.asarray(weights), self.vocabulary
        order = np.argsort(-weights, axis=1, kind="stable")[:, :n_terms]
        return [
            [(str(vocabulary[column]), float(row[column])) for column in columns if row[column] > 0]
            for row, columns in zip(weights, order, strict=True)
        ]

    def decode(
        self, scores: Float[np.ndarray, "n components"], *, n_terms: int = 10, standardized: bool = False
    ) -> list[list[tuple[str, float]]]:
        """The words that scores stand for: `top_terms` of `inverse_transform`, to look at a reconstruction.

        Args:
            scores: `[n, components]`.
            n_terms: words of each, at most.
            standardized: see `inverse_transform`.

        Returns:
            For each row its words and their weights, the largest first.
        """
        return self.top_terms(self.inverse_transform(scores, standardized=standardized), n_terms=n_terms)


def fit_tfidf_pca(
    texts: Sequence[str],
    *,
    max_features: int = 4096,
    n_components: int = 64,
    language_aware: bool = False,
    analyzer: Callable[[str], list[str]] | None = None,
) -> TfidfPCA:
    """Fit TF-IDF weights and their principal components on lyrics; give it the training part only.

    The default form is scikit-learn's `TfidfVectorizer` with nothing set but `max_features`, in every language alike.
    The language-aware form detects each text's language from its words, leaves out that language's stop words and
    keeps the vowel signs of Bangla inside the word (`jaxmusic.text.content_words`). The components are exact (ARPACK
    on the sparse weights, or a full SVD for a handful of texts) and repeat: no step depends on a random draw.

    Args:
        texts: lyrics; empty ones (nothing but white space) are left out and counted.
        max_features: size of the vocabulary at most, the most frequent words first.
        n_components: width of the score vectors; fewer directions than this leave zero columns.
        language_aware: use the language-aware form.
        analyzer: text → its words, such as `jaxmusic.text.words`, in place of both forms.

    Returns:
        The fitted `TfidfPCA`.

    Raises:
        TypeError: one string instead of texts, or a text that is none.
        ValueError: if fewer than two texts have words, or both `language_aware` and an analyzer are given.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE", section 3.1.3 (TF-IDF, PCA) and section 5.3 (language
    detection, stop words and tokens per language).

    >>> encoder = fit_tfidf_pca(["blue moon rising", "red moon falling", "blue sky falling"], n_components=2)
    >>> encoder.transform(["blue moon", "", "xylophone"]).shape
    (3, 2)
    >>> encoder.has_known_words(["blue moon", "", "xylophone"]).tolist()
    [True, False, False]
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    n_components, max_features = whole(n_components, "n_components"), whole(max_features, "max_features")
    if language_aware and analyzer is not None:
        raise ValueError("language_aware is an analyzer of its own: give one of the two")
    analyzer = content_words if language_aware else analyzer
    texts = list_of_texts(texts)
    present = [text for text in texts if text.strip()]
    if not present:
        raise ValueError(f"all {len(texts)} lyrics are empty: TF-IDF needs words to be fitted on")
    vectorizer = TfidfVectorizer(max_features=max_features, **({} if analyzer is None else {"analyzer": analyzer}))
    try:
        weights = vectorizer.fit_transform(present)
    except ValueError as error:
        raise ValueError(f"no word to learn from in {len(present)} lyrics: {error}") from error
    weights = weights[np.diff(weights.indptr) > 0]
    if weights.shape[0] < 2:
        raise ValueError(f"{weights.shape[0]} of {len(texts)} lyrics has words: TF-IDF and PCA need two at least")
    mean, components, ratio = _principal_components(weights, n_components)
    spread = (weights @ components.T).std(axis=0)
    return TfidfPCA(
        vectorizer=vectorizer,
        components=components,
        mean=mean,
        scale=np.where(ratio > 0, spread, 1.0),
        explained_variance_ratio=ratio,
        counts={
            "fitted": weights.shape[0],
            "empty": len(texts) - len(present),
            "without_words": len(present) - weights.shape[0],
        },
        languages=dict(Counter(map(detect_language, present)).most_common()) if language_aware else {},
    )


def _principal_components(weights: csr_matrix, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, components and explained variance ratio of sparse rows, padded with zeros to `width` components."""
    from sklearn.decomposition import PCA

    n, vocabulary = weights.shape
    components, ratio = np.zeros((width, vocabulary)), np.zeros(width)
    mean = np.asarray(weights.mean(axis=0)).ravel()
    varies = np.asarray(weights.power(2).mean(axis=0)).ravel() - mean**2
    if varies.sum() <= _NEGLIGIBLE_VARIANCE:
        return mean, components, ratio  # all texts are the same: no direction to point in
    rank = min(width, n - 1, vocabulary)
    # ARPACK finds a few components of a large sparse matrix without making it dense, but never all of them.
    use_arpack = rank < min(n, vocabulary) // 2
    pca = PCA(rank, svd_solver="arpack" if use_arpack else "full", random_state=0)
    pca.fit(weights if use_arpack else weights.toarray())
    kept = np.nan_to_num(pca.explained_variance_ratio_) > _NEGLIGIBLE_VARIANCE
    components[:rank][kept] = pca.components_[kept]
    ratio[:rank][kept] = pca.explained_variance_ratio_[kept]
    return mean, components, ratio
