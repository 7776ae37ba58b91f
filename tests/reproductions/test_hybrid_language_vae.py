"""The hybrid-language script at a tiny size: its report, resuming, shuffled text, real tables and recordings."""

import dataclasses
import json
import math
import shutil
import types

import hybrid_language_vae
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import runs
import soundfile
from documents.hybrid_language_vae import experiments, outputs, pipeline, rows
from documents.hybrid_language_vae.config import Net
from documents.hybrid_language_vae.scores import INTERNAL
from documents.hybrid_language_vae.variants import VARIANTS
from documents.readings import READINGS
from records import read_reported

TINY = hybrid_language_vae.Config(
    seeds=2,
    per_language=40,
    clip_seconds=1.0,
    net=Net(latent=4, widths=(16,), epochs=3, conditional_epochs=3),
    variant=("sum_sum_split",),
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
    by_key = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    reported = read_reported(outputs.REPORTED)["entries"]
    # Ten methods with three numbers in two spaces and three of agreement, nine samples, and a number of clusters.
    assert len(reported) == 10 * 9 + 9 + 1
    for name, entry in reported.items():
        for variant in TINY.variant:
            assert by_key[name, variant]["reported"] == entry["reported"]
    assert by_key["mse.conv.2", "sum_sum_split"]["reported"] == 0.5234
    assert all(row["verdict"] is None for row in by_key.values())
    assert by_key["raw.adjusted_rand", "sum_sum_split"]["n"] == 2
    assert (
        0 < by_key["reading.best.distance", ""]["fresh"] == by_key["reading.sum_sum_split.distance", ""]["fresh"] <= 10
    )


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
    counted = _numbers(straight)["data"]["tracks (sum_sum_split)"]
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
        if len(calls) == 8:  # the second seed
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
    by_key = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    for sentences in (3, 8, 9, 27, 81):
        aligned, shuffled = (
            by_key[f"alignment.{sentences}.Ward.{t}.silhouette", ""]["fresh"] for t in ("aligned", "shuffled")
        )
        assert abs(aligned - shuffled) < 0.15
    # Twice two levels three times: eight sentences at most.
    assert float(by_key["alignment.8.Ward.aligned.silhouette", ""]["note"].split()[0]) <= 8
    # What has seen everything at once agrees with itself.
    assert by_key["incremental.all at once.agreement", ""]["fresh"] == 1
    assert by_key["incremental.100% seen, batch by batch.agreement", ""]["fresh"] < 1


def test_the_readings_of_the_loss_are_what_they_say():
    rng = np.random.default_rng(0)
    x, recon = rng.normal(size=(2, 6, 5))
    mean, logvar = rng.normal(size=(2, 6, 3))
    net, beta = Net(latent=3, batch=6), 4.0
    outputs_ = types.SimpleNamespace(recon=jnp.asarray(recon), mean=jnp.asarray(mean), logvar=jnp.asarray(logvar))
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar))
    squares = (x - recon) ** 2
    expected = {
        "mean_mean": squares.mean() + beta * kl.mean(),
        "mean_sum": squares.mean() + beta * kl.sum(1).mean(),
        "sum_sum": squares.sum(1).mean() + beta * kl.sum(1).mean(),
        "mean_batch": squares.mean() + beta * kl.sum(),
    }
    assert set(expected) == set(READINGS)
    for name, value in expected.items():
        loss, _ = pipeline.loss_of(name, net, beta)(outputs_, {"inputs": jnp.asarray(x)})
        np.testing.assert_allclose(loss, value, rtol=1e-5)


def test_columns_of_a_pretrained_encoder_stand_beside_the_others(dataset, tmp_path, monkeypatch):
    for genre in ("jazz", "rock"):
        (tmp_path / "songs" / genre).mkdir(parents=True)
        for i in range(2):
            noise = np.random.default_rng(i).normal(0, 0.1, 16_000)
            soundfile.write(tmp_path / "songs" / genre / f"{i}.wav", noise, 16_000)
    seen = []

    class Encoder:
        network, description = types.SimpleNamespace(sr=8_000), "a tagger"

        def features(self, sounds):
            seen.append([len(sound) for sound in sounds])
            return types.SimpleNamespace(mean=np.ones((4, 3)), logits=np.zeros((4, 2)), skipped=[])

    monkeypatch.setattr(pipeline.audio, "sound_encoder", lambda *_, **__: Encoder())
    config = dataclasses.replace(TINY, gtzan=tmp_path / "songs", source="audio", variant=("musicnn", "tags_split"))
    found = pipeline.prepare(dataclasses.replace(config, clip_seconds=0.5))
    assert found.modalities["musicnn"].shape == (4, 3)
    assert found.modalities["tags"].shape == (4, 2)
    assert seen == [[4_000] * 4]
    assert found.source["pretrained"] == ["a tagger"]
    with pytest.raises(ValueError, match="need --clap FOLDER"):
        pipeline.prepare(dataclasses.replace(config, variant=("clap",)))
    with pytest.raises(ValueError, match="columns musicnn are made of audio files"):
        pipeline.part_of(config, dataset, VARIANTS["musicnn"], jax.random.key(0))


def test_the_reading_that_fits_all_numbers_best_stands_first():
    reported = read_reported(outputs.REPORTED)["entries"]
    of_vaes = {entry["metric"]: entry["reported"] for entry in reported.values() if entry.get("method") == "basic"}
    config = dataclasses.replace(TINY, variant=("mean_sum", "mean_mean"))
    found = [
        {
            "variant": variant,
            "method": "basic",
            "space": space,
            "metric": metric,
            "seed": seed,
            "value": far + x + seed / 9,
        }
        for variant, far in (("mean_sum", 5.0), ("mean_mean", 0.0))
        for metric, x in of_vaes.items()
        for space in (["hybrid"] if metric in INTERNAL else ["genre"])
        for seed in range(2)
    ]
    fits = rows.readings(config, pd.DataFrame(found), reported)
    assert [fit.column for fit in fits] == ["mean_mean", "mean_sum"]
    # Three scores in the hybrid space and three of agreement; errors of three samples, which the records lack.
    assert fits[0][2:] == (6, 9)
    assert fits[0].mean >= 3 * 10 / 9
    assert rows.readings(dataclasses.replace(config, seeds=1), pd.DataFrame(found), reported) == []


def test_a_missing_place_is_one_clear_line(tmp_path):
    with pytest.raises(SystemExit, match="holds neither of the folders"):
        runs.guarded(lambda: hybrid_language_vae.main(dataclasses.replace(TINY, data=tmp_path)))
    with pytest.raises(SystemExit, match="no such folder"):
        runs.guarded(lambda: hybrid_language_vae.main(dataclasses.replace(TINY, gtzan=tmp_path / "nowhere")))


@pytest.fixture(scope="module")
def dataset():
    return hybrid_language_vae.data.synthetic_features(jax.random.key(0), 80, duration=1.0)


def test_nothing_is_fitted_on_the_test_part(dataset):
    variant = VARIANTS["sum_sum_split"]
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
def test_incremental_clustering_names_what_was_seen(dataset, batch, marks):
    config = dataclasses.replace(TINY, net=dataclasses.replace(TINY.net, batch=batch))
    part = pipeline.part_of(config, dataset, VARIANTS["sum_sum_split"], jax.random.key(0))
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
    one = dataclasses.replace(TINY, seeds=1, variant=("mean_mean",), experiments=False)
    hybrid_language_vae.main(dataclasses.replace(one, data=real_data, out=tmp_path))
    content = _numbers(tmp_path)
    assert content["data"]["counts"]["bangla"] == {"rows": 1617, "used": 1617}
    assert "26 audio" in content["data"]["tracks (mean_mean)"]
    assert "/work" not in json.dumps(content)
    by_key = {(row["id"], row["column"]): row for row in content["rows"]}
    assert math.isfinite(by_key["raw.own.silhouette", "mean_mean"]["fresh"])
    recordings = pipeline.prepare(dataclasses.replace(one, gtzan=real_data / "gtzan", source="audio"))
    assert recordings.source["counts"]["english"] == 100
    assert recordings.modalities["mfcc"].shape == (100, 52)
