"""TF-IDF on principal components: scikit-learn's numbers, a fixed width, and the way back to words."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

from jaxmusic.data.tables import read_table
from jaxmusic.text import fit_tfidf_pca

TEXTS = [
    "blue moon rising over the water",
    "red moon falling over the hills",
    "the water and the hills are blue",
    "dance all night until the morning",
    "morning light and a night of rain",
    "rain over the water rain on me",
]


@pytest.fixture(scope="module")
def many_texts() -> list[str]:
    """200 texts of 20 words from a vocabulary of 300, frequent words first."""
    rng = np.random.default_rng(0)
    return [" ".join(f"word{k}" for k in (300 * rng.random(20) ** 3).astype(int)) for _ in range(200)]


@pytest.mark.parametrize("n_components", [2, 5, 64])
def test_equals_scikit_learn(many_texts, n_components):
    encoder = fit_tfidf_pca(many_texts, max_features=250, n_components=n_components)
    weights = TfidfVectorizer(max_features=250).fit_transform(many_texts).toarray()
    pca = PCA(n_components, svd_solver="full").fit(weights)
    np.testing.assert_allclose(encoder.explained_variance_ratio, pca.explained_variance_ratio_, rtol=1e-6)
    # A component's sign is free: compare up to it.
    sign = np.sign((encoder.components * pca.components_).sum(axis=1))
    np.testing.assert_allclose(encoder.transform(many_texts), pca.transform(weights) * sign, atol=2e-6)
    assert encoder.transform(many_texts).dtype == np.float32


def test_fitting_twice_gives_the_same_bits(many_texts):
    one, two = (fit_tfidf_pca(many_texts).transform(many_texts) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_standardized_scores_have_mean_zero_and_deviation_one(many_texts):
    encoder = fit_tfidf_pca(many_texts, n_components=16)
    scores = encoder.transform(many_texts, standardized=True)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(scores * encoder.scale, encoder.transform(many_texts), atol=1e-6)


def test_held_out_texts_do_not_change_the_fit(many_texts):
    encoder = fit_tfidf_pca(many_texts[:100], n_components=8)
    alone = encoder.transform(many_texts[150:151])
    np.testing.assert_allclose(encoder.transform(many_texts)[150:151], alone, atol=1e-7)


@pytest.mark.parametrize(
    ("texts", "rank"),
    [
        (TEXTS, 5),  # n - 1 directions
        (["one two"] * 4, 0),  # all the same
        (["one two", "three four"] * 100, 1),
        (["aa", "bb", "cc"] * 10, 2),
    ],
)
def test_fewer_directions_than_components_leave_zero_columns(texts, rank):
    encoder = fit_tfidf_pca(texts, n_components=64)
    scores = encoder.transform(texts, standardized=True)
    assert scores.shape == (len(texts), 64)
    assert np.isfinite(scores).all()
    assert (encoder.explained_variance_ratio > 0).sum() == rank
    assert not scores[:, rank:].any()
    assert encoder.explained_variance_ratio.sum() == pytest.approx(1.0 if rank else 0.0)


def test_repeated_texts_among_many_give_no_spurious_component(many_texts):
    encoder = fit_tfidf_pca(many_texts[:30] * 20, n_components=64)
    assert (encoder.explained_variance_ratio > 0).sum() == 29
    assert np.abs(encoder.transform(many_texts, standardized=True)).max() < 1e3


def test_empty_lyrics_are_left_out_of_the_fit_and_give_zeros():
    whole, gaps = fit_tfidf_pca(TEXTS, n_components=4), fit_tfidf_pca(["", *TEXTS, " \n"], n_components=4)
    np.testing.assert_array_equal(whole.components, gaps.components)
    assert gaps.counts == {"fitted": 6, "empty": 2, "without_words": 0}
    assert not gaps.transform(["", "\t"]).any()
    assert gaps.has_known_words(["", "moon"]).tolist() == [False, True]


def test_lyrics_without_a_known_word_give_zeros_and_are_counted():
    encoder = fit_tfidf_pca([*TEXTS, "a b c"], n_components=4)
    assert encoder.counts == {"fitted": 6, "empty": 0, "without_words": 1}
    assert not encoder.transform(["xylophone quartz"], standardized=True).any()
    assert encoder.has_known_words(["xylophone quartz", "blue xylophone"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["", " ", "\n"], "all 3 lyrics are empty"),
        ([], "all 0 lyrics are empty"),
        (["a b", "c d"], "no word to learn from in 2 lyrics"),
        (["blue moon", ""], "1 of 2 lyrics has words"),
    ],
)
def test_nothing_to_fit_is_an_error_that_says_so(texts, message):
    with pytest.raises(ValueError, match=message):
        fit_tfidf_pca(texts)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="n_components"):
        fit_tfidf_pca(TEXTS, n_components=0)


@pytest.mark.parametrize("standardized", [False, True])
def test_decode_gives_the_words_back(standardized):
    # Five components hold all the variance of six texts, so nothing is lost on the way.
    encoder = fit_tfidf_pca(TEXTS, n_components=8)
    scores = encoder.transform(TEXTS, standardized=standardized)
    np.testing.assert_allclose(
        encoder.inverse_transform(scores, standardized=standardized), encoder.tfidf(TEXTS).toarray(), atol=1e-6
    )
    for text, terms in zip(TEXTS, encoder.decode(scores, n_terms=3, standardized=standardized), strict=True):
        assert len(terms) == 3
        assert {word for word, _ in terms} <= set(text.split())
        assert [weight for _, weight in terms] == sorted((weight for _, weight in terms), reverse=True)


def test_top_terms_of_a_component_are_its_largest_loadings():
    encoder = fit_tfidf_pca(TEXTS, n_components=3)
    (terms,) = encoder.top_terms(encoder.components[:1], n_terms=4)
    assert [word for word, _ in terms] == encoder.vocabulary[np.argsort(-encoder.components[0])[:4]].tolist()
    assert encoder.top_terms(np.zeros((1, len(encoder.vocabulary)))) == [[]]


def test_language_aware_keeps_whole_bangla_words_and_drops_stop_words():
    texts = ["আমার সোনার বাংলা", "সোনার তরী ভাসে", "the golden boat and the river", "das goldene Boot und der Fluss"]
    aware, default = fit_tfidf_pca(texts, language_aware=True), fit_tfidf_pca(texts)
    assert {"সোনার", "বাংলা", "তরী", "ভাসে", "golden", "boat", "boot", "fluss"} <= set(aware.vocabulary)
    assert not {"the", "and", "das", "und", "আমার"} & set(aware.vocabulary)
    assert {"the", "und"} <= set(default.vocabulary)
    assert "সোনার" not in default.vocabulary
    assert aware.languages == {"bn": 2, "en": 1, "de": 1}
    assert default.languages == {}


@pytest.mark.parametrize(
    ("folder", "language_aware", "low", "high"),
    [
        # The document's own estimate is 85 to 95 %; these are what real lyrics give.
        ("clips_en_de", False, 0.35, 0.40),
        ("clips_en_de", True, 0.23, 0.29),
        ("bangla_lyrics", False, 0.42, 0.48),
        ("bangla_lyrics", True, 0.22, 0.28),
    ],
)
def test_explained_variance_on_real_lyrics(real_data, folder, language_aware, low, high):
    texts = [row["lyrics"] for row in read_table(real_data / folder / "lyrics.csv", ("id", "lyrics"))]
    training = np.random.default_rng(0).permutation(len(texts))[: round(0.7 * len(texts))]
    encoder = fit_tfidf_pca([texts[row] for row in training], language_aware=language_aware)
    assert low < encoder.explained_variance_ratio.sum() < high
    assert np.isfinite(encoder.transform(texts, standardized=True)).all()
