"""What the embedded corpus lets a model hear and read: more than chance, less than everything."""

from collections.abc import Callable

import jax
import numpy as np
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxmusic.data import Dataset
from jaxmusic.data.synthetic_corpus import draw_corpus, render_corpus, synthetic
from jaxmusic.data.synthetic_corpus.factors import LANGUAGES
from jaxmusic.text import content_words

N_CLIPS, N_TRAIN, SAMPLE_RATE, HOP = 400, 280, 22_050, 512


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic(jax.random.key(0), N_CLIPS, duration=8.0)


@pytest.fixture(scope="module")
def statistics(dataset: Dataset) -> np.ndarray:
    """Mean and standard deviation over time of each mel band: all that the probes hear."""
    mels = dataset.modalities["audio"]
    return np.concatenate([mels.mean(axis=2), mels.std(axis=2)], axis=1)


def test_the_data_set_is_whole(dataset: Dataset) -> None:
    assert dataset.modalities["audio"].shape == (N_CLIPS, 128, 1 + 8 * SAMPLE_RATE // HOP)
    assert dataset.modalities["audio"].dtype == np.float32
    assert np.isfinite(dataset.modalities["audio"]).all()
    assert all(mask.all() for mask in dataset.masks.values())
    assert dataset.masks["frames"].shape == (N_CLIPS, dataset.modalities["audio"].shape[2])
    assert {"genre", "language", "mood", "mode", "tempo", "artist"} <= dataset.labels.keys()
    np.testing.assert_array_equal(dataset.groups, dataset.labels["artist"])
    assert dataset.source["name"] == "synthetic"
    assert dataset.source["key"] == [0, 0]
    # The 80 dB count from each clip's own peak.
    spread = np.ptp(dataset.modalities["audio"].reshape(N_CLIPS, -1), axis=1)
    assert spread.max() <= 80 + 1e-3


def test_a_smaller_data_set_is_the_beginning_of_a_larger_one(dataset: Dataset) -> None:
    small = synthetic(jax.random.key(0), 3, duration=8.0)
    np.testing.assert_array_equal(small.ids, dataset.ids[:3])
    np.testing.assert_array_equal(small.modalities["lyrics"], dataset.modalities["lyrics"][:3])
    # Another batch size is another program, whose sums may round differently.
    np.testing.assert_allclose(small.modalities["audio"], dataset.modalities["audio"][:3], atol=1e-2)


@pytest.mark.parametrize(
    ("label", "lowest", "highest"),
    # Chance is 0.17, 0.5 and 0.25; each is an accuracy on artists that the probe has not heard.
    [("genre", 0.55, 0.87), ("language", 0.62, 0.87), ("mood", 0.34, 0.70)],
)
def test_a_linear_probe_hears_a_label_but_not_with_certainty(
    dataset: Dataset, statistics: np.ndarray, label: str, lowest: float, highest: float
) -> None:
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=300))
    truth = dataset.labels[label]
    predicted = cross_val_predict(probe, statistics, truth, groups=dataset.groups, cv=GroupKFold(4))
    assert lowest < (predicted == truth).mean() < highest


@pytest.mark.parametrize(
    ("label", "lowest", "highest"),
    [("genre", 0.5, 0.98), ("mood", 0.7, 0.95), ("mode", 0.6, 0.95), ("timbre", 0.2, 0.55)],
)
def test_words_tell_the_mood_and_less_of_what_only_the_sound_has(
    dataset: Dataset, label: str, lowest: float, highest: float
) -> None:
    probe = make_pipeline(TfidfVectorizer(analyzer=content_words), LogisticRegression(C=3.0, max_iter=300))
    truth = dataset.labels[label]
    predicted = cross_val_predict(probe, dataset.modalities["lyrics"], truth, groups=dataset.groups, cv=GroupKFold(4))
    assert lowest < (predicted == truth).mean() < highest


@pytest.mark.parametrize("language", ["heard", "removed"])
def test_sound_and_words_are_aligned(dataset: Dataset, statistics: np.ndarray, language: str) -> None:
    """The first canonical correlation on held-out songs is above that of any of 20 shuffled pairings.

    Language alone aligns the two: its script is plain to read and its ornaments can be heard. Removed from both (each
    language centred on its own mean, pairs shuffled within it), what is left is what genre and mood do to both.
    """
    train, test = np.arange(N_CLIPS) < N_TRAIN, np.arange(N_CLIPS) >= N_TRAIN
    assert dataset.groups is not None
    test &= ~np.isin(dataset.groups, dataset.groups[train])
    words = TfidfVectorizer(analyzer=content_words).fit_transform(dataset.modalities["lyrics"]).toarray()
    spoken = dataset.labels["language"]
    parts = [np.ones(N_CLIPS, bool)] if language == "heard" else [spoken == name for name in LANGUAGES]

    def reduced(view: np.ndarray) -> np.ndarray:
        centred = np.empty_like(view)
        for part in parts:
            centred[part] = view[part] - view[part & train].mean(axis=0)
        return PCA(15, whiten=True, svd_solver="full").fit(centred[train]).transform(centred)

    heard, read = reduced(statistics), reduced(words)

    def held_out(order: np.ndarray) -> float:
        cca = CCA(1, max_iter=1_000).fit(heard[train], read[train][order])
        u, v = cca.transform(heard[test], read[test])
        return float(np.corrcoef(u[:, 0], v[:, 0])[0, 1])

    rng = np.random.default_rng(0)

    def shuffled() -> np.ndarray:
        order = np.arange(N_TRAIN)
        for part in parts:
            rows = np.flatnonzero(part[:N_TRAIN])
            order[rows] = rng.permutation(rows)
        return order

    by_chance = max(held_out(shuffled()) for _ in range(20))
    aligned = held_out(np.arange(N_TRAIN))
    assert by_chance < aligned < 0.95
    assert aligned > 0.25


def _power(y: np.ndarray, size: int = 1024) -> np.ndarray:
    """`[frames, size // 2 + 1]` power of windowed frames, one hop of 256 samples apart."""
    frames = np.lib.stride_tricks.sliding_window_view(y, size)[::256] * np.hanning(size)
    return np.abs(np.fft.rfft(frames)) ** 2


def _onsets(y: np.ndarray) -> np.ndarray:
    """How much the log power rises from frame to frame, above 1.5 kHz, where the drums are."""
    bands = np.log(1e-4 + _power(y)[:, 70:].reshape(-1, 443)[:, :440].reshape(-1, 20, 22).mean(axis=2))
    return np.maximum(np.diff(bands, axis=0), 0).mean(axis=1)


def test_genres_differ_in_the_spectrum_as_their_factors_say() -> None:
    corpus = draw_corpus(jax.random.key(2), 240, n_listeners=0)
    # Songs that borrow no groove, so that each genre's own drums are heard.
    own = corpus.factors["genre"] == corpus.factors["groove"]
    rows = {
        name: np.flatnonzero(own & (corpus.factors["genre"] == name))[:24]
        for name in np.unique(corpus.factors["genre"])
    }

    sound = {name: render_corpus(corpus, duration=5, rows=clips) for name, clips in rows.items()}
    frequencies = np.fft.rfftfreq(1024, 1 / SAMPLE_RATE)

    def ratio(measure: Callable[[np.ndarray], float], genre: str, other: str) -> float:
        first, second = (np.median([measure(y) for y in sound[name]]) for name in (genre, other))
        return float(first / second)

    def loudness(y: np.ndarray) -> float:
        return float(np.sqrt((y**2).mean()))

    def bass_share(y: np.ndarray) -> float:
        power = _power(y).sum(axis=0)
        return float(power[frequencies < 150].sum() / power.sum())

    def treble(y: np.ndarray) -> float:
        return float(_power(y)[:, frequencies > 4_000].mean())

    def centroid(y: np.ndarray) -> float:
        magnitude = np.sqrt(_power(y))
        return float((magnitude @ frequencies / magnitude.sum(axis=1)).mean())

    def onsets(y: np.ndarray) -> float:
        return float(_onsets(y).mean())

    assert ratio(loudness, "rock", "ambient") > 1.5  # energy 0.75 against 0.25
    assert ratio(bass_share, "electronic", "folk") > 1.7  # a kick on every beat against hardly any
    assert ratio(bass_share, "hiphop", "ambient") > 1.7
    assert ratio(treble, "rock", "folk") > 3  # long cymbals against a shaker
    assert ratio(centroid, "rock", "folk") > 1.15
    assert ratio(onsets, "rock", "ambient") > 1.5  # eighths with a backbeat against stray quarters
    assert ratio(onsets, "hiphop", "ambient") > 1.3


def test_the_tempo_can_be_read_from_the_onsets() -> None:
    """The autocorrelation of the onsets peaks at the beat, its half or its double in most clips."""
    corpus = draw_corpus(jax.random.key(3), 60, n_listeners=0)
    lags = np.arange(12, 130)
    found = []
    for y in render_corpus(corpus, duration=10):
        onsets = _onsets(y)
        onsets = onsets - onsets.mean()
        correlation = np.array([(onsets[lag:] * onsets[:-lag]).mean() for lag in lags])
        found.append(60 * SAMPLE_RATE / 256 / lags[correlation.argmax()])

    def agreement(tempo: np.ndarray) -> float:
        ratio = np.array(found)[:, None] / (tempo[:, None] * np.array([0.5, 1.0, 2.0]))
        return float((np.abs(ratio - 1) < 0.04).any(axis=1).mean())

    truth = corpus.factors["tempo"]
    by_chance = np.mean([agreement(np.random.default_rng(seed).permutation(truth)) for seed in range(20)])
    assert agreement(truth) > 0.7
    assert by_chance < 0.4
