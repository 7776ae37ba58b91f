"""The hybrid-language script at a tiny size: its report, resuming, shuffled text, real tables and recordings."""

import dataclasses
import json
import math
import shutil

import hybrid_language_vae
import jax
import numpy as np
import pandas as pd
import pytest
import runs
from documents.hybrid_language_vae import experiments, outputs, pipeline
from documents.hybrid_language_vae.config import Net
from documents.hybrid_language_vae.variants import VARIANTS
from records import read_reported

TINY = hybrid_language_vae.Config(
    seeds=2,
    per_language=40,
    clip_seconds=1.0,
    net=Net(latent=4, widths=(16,), epochs=3, conditional_epochs=3),
    variant=("document", "elbo"),
    eps=(0.5, 1.0),
    permutations=19,
    k=4,
)


@pytest.fixture(scope="module", autouse=True)
def small_grids():
    """The grids of the experiments compile a model for each cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "LATENTS", (4,))
        patch.setattr(experiments, "BETAS", (1.0,))
        patch.setattr(experiments, "SWEEP", (1.0, 4.0))
        yield


def _numbers(folder):
    content = json.loads((folder / "report.json").read_text())
    return {key: value for key, value in content.items() if key != "timing"}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    hybrid_language_vae.main(dataclasses.replace(TINY, out=folder))
    return folder


def test_every_reported_number_has_a_row_in_both_spaces(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    reported = read_reported(outputs.REPORTED)["entries"]
    # Ten methods with three numbers in two spaces and three of agreement, nine samples, and a number of clusters.
    assert len(reported) == 10 * 9 + 9 + 1
    for name, entry in reported.items():
        for variant in ("document", "elbo"):
            assert rows[name, variant]["reported"] == entry["reported"]
    assert rows["mse.conv.2", "document"]["reported"] == 0.5234
    assert all(row["verdict"] is None for row in rows.values())
    assert rows["raw.adjusted_rand", "elbo"]["n"] == 2


def test_the_files_are_there_and_known_as_the_runs_own(straight):
    names = {path.name for path in straight.iterdir()}
    assert {
        "tracks.csv",
        "features.npz",
        "umap_panels.png",
        "reconstructions.png",
        "genres_by_cluster.png",
        "language_map.png",
        "mig.png",
        "beta.png",
        "alignment.png",
        "report.md",
    } <= names
    known = {path.name for pattern in outputs.FILES for path in straight.glob(pattern)}
    assert names == known | {"config.json"}
    tracks = pd.read_csv(straight / "tracks.csv")
    counted = _numbers(straight)["data"]["tracks (document)"]
    n = sum((tracks["language"] == name).sum() for name in ("en", "bn"))
    assert counted.startswith(", ".join(f"{(tracks['language'] == name).sum()} {name}" for name in ("bn", "en")))
    assert n == len(tracks) <= 80
    assert {"id", "title", "language", "genre", "audio_description", "genre_encoded", "cluster_raw"} <= set(tracks)
    assert tracks["cluster_raw"].nunique() == 4
    assert tracks["audio_description"].str.startswith("Audio with ").all()
    with np.load(straight / "features.npz") as features:
        assert features["audio_features"].shape == (n, 52)
        assert features["hybrid_features"].shape == (n, 52 + 384)
    assert "in place of embeddings" in (straight / "report.md").read_text()


def test_an_interrupted_run_resumes_to_the_same_numbers(straight, tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, out=tmp_path / "run")
    original, calls = hybrid_language_vae.fit_net, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 13:  # the second seed's first variant
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(hybrid_language_vae, "fit_net", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hybrid_language_vae.main(config)
    # Trained after all seeds, whatever interrupted those.
    shutil.copy(straight / "work" / "experiments_2_seeds.json", config.out / "work")
    hybrid_language_vae.main(dataclasses.replace(config, resume=True))
    assert _numbers(config.out) == _numbers(straight)


def test_shuffled_text_loses_agreement_and_not_silhouette(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    for sentences in (3, 8, 9, 27, 81):
        aligned, shuffled = (
            rows[f"alignment.{sentences}.Ward.{t}.silhouette", ""]["fresh"] for t in ("aligned", "shuffled")
        )
        assert abs(aligned - shuffled) < 0.15
    # Twice two levels three times: eight sentences at most.
    assert float(rows["alignment.8.Ward.aligned.silhouette", ""]["note"].split()[0]) <= 8
    # What has seen everything at once agrees with itself.
    assert rows["incremental.all at once.agreement", ""]["fresh"] == 1
    assert rows["incremental.100% seen, batch by batch.agreement", ""]["fresh"] < 1


def test_a_missing_place_is_one_clear_line(tmp_path):
    with pytest.raises(SystemExit, match="holds neither of the folders"):
        runs.guarded(lambda: hybrid_language_vae.main(dataclasses.replace(TINY, data=tmp_path)))
    with pytest.raises(SystemExit, match="no such folder"):
        runs.guarded(lambda: hybrid_language_vae.main(dataclasses.replace(TINY, gtzan=tmp_path / "nowhere")))


def test_nothing_is_fitted_on_the_test_part():
    dataset = hybrid_language_vae.data.synthetic_features(jax.random.key(0), 80, duration=1.0)
    variant = VARIANTS["elbo"]
    part = pipeline.part_of(TINY, dataset, variant, jax.random.key(0))
    chosen = hybrid_language_vae.data.balanced_sample(jax.random.fold_in(jax.random.key(0), 0), dataset, 40)
    loud = {name: values.copy() for name, values in dataset.modalities.items()}
    for values in loud.values():
        values[chosen[part.score]] *= 3
    again = pipeline.part_of(TINY, dataclasses.replace(dataset, modalities=loud), variant, jax.random.key(0))
    np.testing.assert_array_equal(part.audio[part.fit], again.audio[again.fit])
    np.testing.assert_array_equal(part.levels[part.fit], again.levels[again.fit])
    assert not np.array_equal(part.audio[part.score], again.audio[again.score])


@pytest.mark.parametrize(("batch", "marks"), [(64, ["100%"]), (26, ["50%", "100%"]), (6, ["25%", "50%", "100%"])])
def test_incremental_clustering_names_what_was_seen(batch, marks):
    dataset = hybrid_language_vae.data.synthetic_features(jax.random.key(0), 80, duration=1.0)
    config = dataclasses.replace(TINY, net=dataclasses.replace(TINY.net, batch=batch))
    part = pipeline.part_of(config, dataset, VARIANTS["elbo"], jax.random.key(0))
    found = list(dict.fromkeys(row["rows"] for row in experiments.incremental(config, part, 0)))
    assert found == [*(f"{mark} seen, batch by batch" for mark in marks), "all at once"]


def test_levels_are_what_the_sentences_say():
    from jaxmusic.text import describe, fit_terciles

    features = np.random.default_rng(0).uniform(0, 200, (50, 4))
    terciles = fit_terciles(features)
    levels = pipeline.levels_of(features, terciles)
    words = [("slow", "medium", "fast"), ("low", "medium", "high"), ("dark", "balanced", "bright")]
    for sentence, row in zip(describe(features, terciles), levels, strict=True):
        parts = sentence.removeprefix("Audio with ").split(", ")
        assert [part.split()[0] for part in parts[:3]] == [w[level] for w, level in zip(words, row[:3], strict=True)]


def test_real_tables_run_from_end_to_end_and_recordings_are_read(real_data, tmp_path):
    one = dataclasses.replace(TINY, seeds=1, variant=("document",))
    hybrid_language_vae.main(dataclasses.replace(one, data=real_data, out=tmp_path))
    content = _numbers(tmp_path)
    assert content["data"]["counts"]["bangla"] == {"rows": 1617, "used": 1617}
    assert "26 audio" in content["data"]["tracks (document)"]
    assert "/work" not in json.dumps(content)
    rows = {(row["id"], row["column"]): row for row in content["rows"]}
    assert math.isfinite(rows["raw.own.silhouette", "document"]["fresh"])
    recordings = pipeline.prepare(dataclasses.replace(one, gtzan=real_data / "gtzan", source="audio"))
    assert recordings.source["counts"]["english"] == 100
    assert recordings.modalities["mfcc"].shape == (100, 52)
