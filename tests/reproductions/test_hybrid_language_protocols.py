"""Protocols of the document's winning rows: sentences, their columns, and audio columns made from recordings."""

import numpy as np
import pytest
from documents.hybrid_language_vae import protocols, sources
from documents.hybrid_language_vae.protocols import Protocol
from scipy.spatial.distance import pdist

from jaxmusic import data


def _tracks(n, seed=0):
    rng = np.random.default_rng(seed)
    descriptors = rng.random((n, 4)) * np.array([100, 1, 1, 1]) + np.array([60, 0, 0, 0])
    return sources.Tracks(rng.normal(size=(n, 52)), descriptors, rng.integers(0, 3, (n, 2)), rng.choice(list("ab"), n))


@pytest.mark.parametrize("embedding", ["one-hot", "MiniLM"])
def test_rotated_text_columns_keep_the_distances_of_the_standardised_ones(embedding):
    rng = np.random.default_rng(0)
    vectors = {str(i): rng.normal(size=384) for i in range(4)}
    number = rng.choice(4, 60, p=[0.5, 0.3, 0.1, 0.1])

    def encoder(texts):
        return np.stack([vectors[text] for text in texts])

    full = np.tile(np.eye(4)[number], 96) if embedding == "one-hot" else encoder([str(i) for i in number])
    full = (full - full.mean(0)) / full.std(0)
    found = protocols.text_columns(number, list(vectors), None if embedding == "one-hot" else encoder)
    assert found.shape[1] <= 4
    np.testing.assert_allclose(pdist(found), pdist(full), atol=1e-6)


def test_sentences_are_shared_out_as_a_protocol_says():
    tracks, rng = _tracks(1000), np.random.default_rng(0)

    def counts(**fields):
        return np.bincount(protocols.sentences_of(tracks, Protocol(**fields), rng)[0]).tolist()

    assert counts(sentences=4) == [250] * 4
    assert counts(sentences=3, shares="half in one") == [500, 250, 250]
    number, _ = protocols.sentences_of(tracks, Protocol(sentences=2, source="energy"), rng)
    median = np.median(tracks.descriptors[:, 1])
    assert (number == (tracks.descriptors[:, 1] > median)).all()
    # Of those that are shuffled half have their sentence by chance.
    kept, _ = protocols.sentences_of(tracks, Protocol(sentences=2, source="energy", kept=0.4), rng)
    assert (kept == number).mean() == pytest.approx(0.4 + 0.3, abs=0.05)
    assert max(counts(source="own sentence", default=0.9)) > 880
    lost = protocols.without_sound(tracks, 0.1, 0)
    number, texts = protocols.sentences_of(lost, Protocol(sentences=5, failed=0.1), rng)
    assert ((number == 5) == ~lost.audio.any(1)).all()
    assert len(texts) == 6


def test_a_score_holds_the_eighteen_numbers_and_differs_from_itself_by_nothing():
    tracks = _tracks(60)
    found = protocols.score(tracks, np.arange(60) % 8, Protocol(sentences=8), None, 0)
    assert len(found) == 18
    assert protocols.difference(found, found) == 0
    assert protocols.difference({"a": 1.0, "b": 1.0}, {"a": -1.0, "b": 3.0}) == pytest.approx((1 + 0.5) / 2)


def test_columns_that_a_table_lacks_are_those_of_the_recording_that_sounds_alike(monkeypatch):
    monkeypatch.setattr(sources, "_NEIGHBOURS", 1)
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(0, 10, (6, 13)), rng.uniform(1, 2, (6, 13))
    moments = np.stack([mean, deviation, mean - 3 * deviation, mean + 4 * deviation], axis=2)
    clips = sources.Sound(moments, rng.random((6, 4)) + 1, np.ones((6, 2), int), np.arange(6))
    table = data.Dataset(
        np.arange(6).astype(str),
        {"mfcc": moments[:, :, :2].reshape(6, -1), "descriptors": clips.descriptors},
        {"mfcc": np.ones(6, bool), "descriptors": np.ones(6, bool)},
        {"genre": np.array(list("aabbcc"))},
    )
    whole = sources.tracks_of(table, clips, None, 0)
    np.testing.assert_allclose(whole.audio, moments.reshape(6, -1))
    # A piece of each clip: one deviation higher, half as spread, twice as loud.
    piece = np.stack([mean + deviation, deviation / 2, mean, mean + 2 * deviation], axis=2)
    pieces = sources.Sound(piece, 2 * clips.descriptors, np.zeros((6, 2), int), np.arange(6))
    cut = sources.tracks_of(table, clips, pieces, 0)
    np.testing.assert_allclose(cut.audio, piece.reshape(6, -1))
    np.testing.assert_allclose(cut.descriptors, 2 * clips.descriptors)
    assert not cut.levels.any()
