"""The study of multimodal VAEs: a tiny run, its rows, and what it says of rankings."""

import json
from dataclasses import replace

import multimodal_vae
import numpy as np
import pytest
from documents.clips import Sound
from documents.multimodal_vae import pipeline, rows
from documents.multimodal_vae.variants import MODELS

_TINY = replace(
    multimodal_vae.Config(),
    seeds=1,
    variant=("document", "MMVAE"),
    sound=Sound(clips=40, clip_seconds=1.0),
    epochs=2,
    latent=3,
    width=8,
    audio_dim=6,
    lyrics_dim=6,
    bound_samples=2,
    likelihood_samples=5,
)


def test_a_tiny_run_writes_every_score_of_every_model(tmp_path):
    path = multimodal_vae.main(replace(_TINY, out=tmp_path / "run"))
    found = json.loads(path.with_suffix(".json").read_text())
    ids = {(row["id"], row["column"]) for row in found["rows"]}
    for name in _TINY.variant:
        assert {(f"models.{name}", title) for title in rows.METRICS.values()} <= ids
    assert found["settings"]["modalities"] == "sound, tags, words"
    values = [row["fresh"] for row in found["rows"] if row["id"].startswith("models.MMVAE")]
    assert all(np.isfinite(value) for value in values)
    again = multimodal_vae.main(replace(_TINY, out=tmp_path / "run", resume=True))
    assert json.loads(again.with_suffix(".json").read_text())["rows"] == found["rows"]


def test_rank_correlations_are_spearman_s():
    def model(silhouette, value):
        return {**dict.fromkeys(rows.METRICS, value), "silhouette": silhouette}

    records = [
        {"models": {"a": model(0.1, 3.0), "b": model(0.2, 2.0), "c": model(0.3, 1.0)}},
        {"models": {"a": model(0.1, 1.0), "b": model(0.2, 2.0), "c": model(0.3, 3.0)}},
        {"models": {"a": model(0.1, 1.0), "b": model(0.2, 1.0), "c": model(0.3, 1.0)}},
    ]
    found = rows.rank_correlations(records)["coherence"]
    assert found[:2] == [-1.0, 1.0]
    assert np.isnan(found[2])


def test_the_order_of_the_means_has_an_exact_p():
    values = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    models = {name: {**dict.fromkeys(rows.METRICS, x), "silhouette": x / 10} for name, x in values.items()}
    statistic, p = rows.order_of_means([{"models": models}], "coherence")
    assert (statistic, p) == (1.0, 1 / 24)
    assert any("survives" in note for note in rows.ranking_notes([{"models": models}]))
    for model in models.values():
        model["coherence"] = -model["silhouette"]
    assert rows.order_of_means([{"models": models}], "coherence") == (-1.0, 1.0)
    assert any("-1.00" in note and "chance" in note for note in rows.ranking_notes([{"models": models}]))


def test_a_label_that_the_data_lacks_is_named(tmp_path):
    with pytest.raises(ValueError, match="'decade' is none of"):
        multimodal_vae.main(replace(_TINY, label="decade", out=tmp_path / "run"))


def test_every_model_has_a_recipe():
    assert tuple(pipeline.RECIPES) == MODELS
