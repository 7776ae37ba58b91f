"""The Joint VAE script at a tiny size: its report, resuming, bad input, and real clips."""

import dataclasses
import json
import math
import shutil
from types import SimpleNamespace
from typing import Any, NamedTuple

import joint_vae
import numpy as np
import pandas as pd
import pytest
import records
import runs
from documents.clips import Sound
from documents.joint_vae import experiments, outputs, pipeline, scores
from documents.joint_vae import rows as rows_of
from documents.joint_vae.config import Spectrograms, Vectors
from documents.joint_vae.variants import VARIANTS
from documents.readings import READINGS

from jaxmusic import report

TINY = joint_vae.Config(
    seeds=2,
    sound=Sound(clips=60, clip_seconds=1.5, n_mels=16),
    frames=16,
    fc=Vectors(latent=4, epochs=2),
    net=Spectrograms(latent=8, conv_epochs=1, joint_epochs=1),
    variant=("sum_sum", "sum_sum_split"),  # one objective: three models to compile
    projections=False,
)


@pytest.fixture(scope="module", autouse=True)
def small_experiments():
    """A model to compile for each cell of the grids, and the steps of a whole training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "LATENTS", (4,))
        patch.setattr(experiments, "BETAS", (4.0,))
        patch.setattr(experiments, "PAIRS", (20,))
        patch.setattr(experiments, "STEPS", 20)
        patch.setattr(experiments, "READINGS", {"mean_mean": READINGS["mean_mean"]})
        yield


def _numbers(folder):
    content = json.loads((folder / "report.json").read_text())
    # Times differ between runs; nothing else may.
    return {key: value for key, value in content.items() if key != "timing"}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    joint_vae.main(dataclasses.replace(TINY, out=folder))
    return folder


def test_every_reported_number_has_a_row_under_every_variant(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    reported = records.read_reported(outputs.REPORTED)["entries"]
    assert len(reported) == 33 * 3 + 17
    for name, entry in reported.items():
        row = rows[name, "sum_sum"]
        assert row["reported"] == entry["reported"]
        assert row["section"]
    assert rows["joint.kmeans.5.silhouette", "sum_sum_split"]["n"] == 2


def test_verdicts_are_empty_on_other_data_but_for_contradictions(straight):
    verdicts = {(row["id"], row["column"]): row["verdict"] for row in _numbers(straight)["rows"]}
    assert set(verdicts.values()) == {None, "contradicted by the document"}
    assert verdicts["conclusion.recall@5", "sum_sum"] == "contradicted by the document"
    assert verdicts["fc.kmeans.5.silhouette", "sum_sum"] == "contradicted by the document"
    assert verdicts["hybrid.kmeans.5.silhouette", "sum_sum"] is None


def test_both_directions_stand_beside_chance_and_cca(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    for direction in ("lyrics_to_audio", "audio_to_lyrics"):
        for source in ("retrieval", "cca", "language", "chance"):
            for metric in ("recall@1", "recall@5", "recall@10", "mrr", "map", "median_rank"):
                row = rows[f"compare.{direction}.{metric}.{source}", "sum_sum"]
                assert math.isfinite(row["fresh"])
    # All 60 clips have both modalities, so chance is exact.
    assert rows["compare.lyrics_to_audio.recall@5.chance", "sum_sum"]["fresh"] == pytest.approx(5 / 60)


def test_readings_sum_the_loss_as_pytorchs_functions_do():
    import jax.numpy as jnp

    from jaxmusic import losses

    class Outputs(NamedTuple):
        recon: Any
        mean: Any
        logvar: Any

    rng = np.random.default_rng(0)
    x, recon, mean, logvar = (rng.normal(size=(6, n)) for n in (5, 5, 3, 3))
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar))
    error = (recon - x) ** 2
    expected = {
        "mean_sum": error.mean() + kl.sum(1).mean(),
        "mean_mean": error.mean() + kl.mean(),
        "sum_sum": error.sum(1).mean() + kl.sum(1).mean(),
        "mean_batch": error.mean() + kl.sum(),
    }
    outputs_ = Outputs(*(jnp.asarray(a, jnp.float32) for a in (recon, mean, logvar)))
    for name, reading in READINGS.items():
        loss = losses.elbo(reduction=reading.error, beta=reading.beta(1.0, latent=3, batch=6))
        assert float(loss(outputs_, {"inputs": jnp.asarray(x, jnp.float32)})[0]) == pytest.approx(
            expected[name], rel=1e-5
        )


def _stated(column, values, metric="silhouette"):
    """Rows of the numbers `fc.<metric>.<i>`, each reported as 1.0, with these means and a deviation of 0.1."""
    return [
        report.Row(f"fc.{metric}.{i}", "4", "w", metric, 1.0, value, 0.1, 5, None, column=column)
        for i, value in enumerate(values)
    ]


def test_every_reading_is_held_against_all_numbers_and_calinski_harabasz_at_this_size():
    config = dataclasses.replace(TINY, variant=("mean_sum", "sum_sum", "sum_sum_split", "info_nce"))
    stated = [*_stated("mean_sum", [2.0, 2.0]), *_stated("sum_sum", [1.0, 1.1]), *_stated("sum_sum_split", [1.0, 9.0])]
    stated += [row for name in config.variant for row in _stated(name, [0.5], "calinski_harabasz")]
    entries = {row.id: {"space": "fc", "method": "kmeans", "metric": row.metric, "reported": 1.0} for row in stated}
    # Half as many clips as in the document: its Calinski-Harabasz of 1 would be 0.5 here.
    scored = dict.fromkeys(config.variant, 10)
    found = rows_of.distances_of_readings(config, stated, {"entries": entries, "clips": 20}, scored)
    by_id = {(row.id, row.column): row.fresh for row in found}
    half = 2.7764 * 0.1 * 1.2**0.5
    assert by_id["readings.all.distance", "sum_sum"] == pytest.approx(0.1 / half / 3, rel=1e-3)
    assert by_id["readings.fc.distance", "mean_sum"] == pytest.approx(2 * 1 / half / 3, rel=1e-3)
    assert [by_id["readings.all.inside", name] for name in config.variant[:3]] == [1, 3, 2]
    # No reading of its own: it has another term.
    assert not any(column == "info_nce" for _, column in by_id)


def test_the_language_alone_retrieves_what_it_should_and_nothing_within_a_language():
    languages = np.array(["en"] * 30 + ["bn"] * 20 + [""] * 2)
    prepared = SimpleNamespace(dataset=SimpleNamespace(labels={"language": languages}))
    pairs = np.arange(50)
    found = {(r["method"], r["parameter"], r["metric"]): r["value"] for r in scores.language_alone(prepared, pairs)}
    # Each query finds its own among the equals of its language: 10 of 30, or 10 of 20.
    expected = (30 * 10 / 30 + 20 * 10 / 20) / 50
    for direction in ("lyrics_to_audio", "audio_to_lyrics"):
        assert found[direction, "pairs", "recall@10"] == pytest.approx(expected)
        assert found[direction, "within", "recall@10"] == pytest.approx(expected)
    prepared.dataset.labels["language"] = np.array(["en"] * 52)
    assert scores.language_alone(prepared, pairs) == []


def test_the_fc_vae_stands_under_the_readings_on_all_clips_and_on_a_split(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    for column in ("mean_mean", "mean_mean_split"):
        assert 0 <= rows["fc_readings.fc.active_units", column]["fresh"] <= 4
        assert rows["fc_readings.silhouette", column]["n"] == 2
    assert ("fc_readings.probe/genre", "mean_mean_split") in rows
    assert ("fc_readings.probe/genre", "mean_mean") not in rows


def test_a_figure_that_is_scored_on_what_it_was_fitted_on_says_so(straight):
    notes = {(row["id"], row["column"]): row["note"] for row in _numbers(straight)["rows"]}
    name = "compare.lyrics_to_audio.recall@10.cca"
    assert notes[name, "sum_sum"] == "CCA is fitted on the very pairs that are scored"
    assert notes[name, "sum_sum_split"] == ""


def test_the_documents_files_are_there_and_no_pickle(straight):
    names = {path.name for path in straight.iterdir()}
    assert {
        "Z_audio.npz",
        "Z_hybrid.npz",
        "Z_joint.npz",
        "Z_pca.npz",
        "fc_vae_clustering_metrics.csv",
        "convvae_clustering_metrics.csv",
        "hard_joint_clustering_metrics.csv",
        "retrieval_metrics.csv",
        "fc_vae_kmeans_5_labels.csv",
        "convvae_kmeans_5_labels.csv",
        "joint_kmeans_5_labels.csv",
        "fc_vae_final",
        "convvae_final",
        "jointvae_final",
        "fc_vae_reconstructions.png",
        "convvae_reconstructions.png",
        "joint_reconstructions.png",
        "interpolations.png",
        "training_curves.png",
        "explained_variance.png",
        "retrieval_learning_curve.png",
        "lyrics_reconstructions.csv",
        "report.md",
        "config.json",
    } <= names
    assert not list(straight.rglob("*.pkl"))
    with np.load(straight / "Z_hybrid.npz", allow_pickle=False) as arrays:
        assert arrays["z"].shape == (60, 8 + 64)
    labels = pd.read_csv(straight / "joint_kmeans_5_labels.csv")
    assert labels["cluster"].nunique() == 5
    text = (straight / "report.md").read_text()
    assert "synthetic" in text
    assert "Notes on fidelity" in text


def test_an_interrupted_run_resumes_to_the_same_numbers(straight, tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, out=tmp_path / "run")
    original, calls = joint_vae.fit_joint, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:  # the second seed's second variant, when its ConvVAE is done
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(joint_vae, "fit_joint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        joint_vae.main(config)
    assert not (config.out / "report.json").exists()
    assert (config.out / "work" / "seed_0.json").exists()
    # Trained after all seeds, whatever interrupted those.
    shutil.copy(straight / "work" / "experiments_2_seeds.json", config.out / "work")
    joint_vae.main(dataclasses.replace(config, resume=True))
    # The first seed came from disk.
    assert len(calls) == 4 + 2
    assert _numbers(config.out) == _numbers(straight)


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a report's time; the runs that others look at have the figures."""
    monkeypatch.setattr(outputs.figures, "draw", lambda *arguments: [])


def test_more_seeds_extend_a_run(straight, tmp_path, monkeypatch, no_figures):
    folder = shutil.copytree(straight, tmp_path / "copy")
    kept = {
        name: json.loads((folder / "work" / f"{name}.json").read_text()) for name in ("seed_0", "experiments_2_seeds")
    }
    run = []
    monkeypatch.setattr(joint_vae, "run_seed", lambda *arguments: run.append(arguments[-1]) or kept["seed_0"])
    monkeypatch.setattr(experiments, "run", lambda *arguments: kept["experiments_2_seeds"])
    joint_vae.main(dataclasses.replace(TINY, out=folder, resume=True, seeds=3))
    assert run == [2]
    rows = {(row["id"], row["column"]): row for row in _numbers(folder)["rows"]}
    assert rows["compare.lyrics_to_audio.mrr.cca", "sum_sum"]["n"] == 3


def test_only_the_documents_own_protocol_gets_a_verdict(straight, tmp_path, no_figures):
    folder = shutil.copytree(straight, tmp_path / "copy")
    for seed in (2, 3, 4):
        shutil.copy(folder / "work" / "seed_0.json", folder / "work" / f"seed_{seed}.json")
    shutil.copy(folder / "work" / "experiments_2_seeds.json", folder / "work" / "experiments_5_seeds.json")
    joint_vae.main(dataclasses.replace(TINY, out=folder, resume=True, seeds=5, same_data=True))
    verdicts = {(row["id"], row["column"]): row["verdict"] for row in _numbers(folder)["rows"]}
    assert verdicts["hybrid.kmeans.5.silhouette", "sum_sum"] in ("reproduced", "not reproduced")
    assert verdicts["hybrid.kmeans.5.silhouette", "sum_sum_split"] is None


def test_a_fresh_run_leaves_nothing_of_an_earlier_one_and_nothing_of_others_is_touched(straight, tmp_path):
    config = json.loads((straight / "config.json").read_text())
    (tmp_path / "umap_genre.png").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    opened = {"resume": False, "data_fingerprint": config["data_fingerprint"], "own": outputs.FILES}
    runs.open_output(tmp_path, TINY, **opened)
    # No run lies here, so the picture is someone's.
    assert (tmp_path / "umap_genre.png").exists()
    (tmp_path / "work").mkdir()
    runs.open_output(tmp_path, TINY, **opened)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "config.json"}


def test_every_file_of_a_run_is_known_as_its_own(straight):
    known = {path.name for pattern in outputs.FILES for path in straight.glob(pattern)}
    assert {path.name for path in straight.iterdir()} == known | {"config.json"}


def test_models_are_held_against_the_training_mean(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    # Every spectrogram is standardised by itself, so its own mean square is 1, and the mean of others is near 0.
    assert rows["conv.mse_of_mean", "sum_sum_split"]["fresh"] == pytest.approx(1, abs=0.15)
    assert rows["joint.lyrics.mse_of_mean", "sum_sum"]["fresh"] == pytest.approx(1, abs=0.1)


def test_a_linear_classifier_scores_every_representation_on_the_test_part_only(straight):
    rows = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    for space in ("fc", "conv", "pca", "statistics", "lyrics", "hybrid", "joint", "majority"):
        assert 0 <= rows[f"{space}.probe.genre", "sum_sum_split"]["fresh"] <= 1
        assert (f"{space}.probe.genre", "sum_sum") not in rows
    assert rows["lyrics.probe.language", "sum_sum_split"]["fresh"] > 0.8


def test_labels_and_groups_belong_to_the_fingerprint():
    prepared = pipeline.prepare(TINY)
    dataset = prepared.dataset
    changes = [
        {"groups": dataset.groups[::-1]},
        {"labels": {**dataset.labels, "genre": dataset.labels["genre"][::-1]}},
        {"masks": {**dataset.masks, "lyrics": np.zeros_like(dataset.masks["lyrics"])}},
    ]
    prints = {
        pipeline.fingerprint(prepared._replace(dataset=dataclasses.replace(dataset, **change)))
        for change in [{}, *changes]
    }
    assert len(prints) == 4


def test_too_few_pairs_are_one_clear_line():
    import jax

    prepared = pipeline.prepare(TINY)
    masks = prepared.dataset.masks | {"lyrics": np.arange(60) < 20}
    few = prepared._replace(dataset=dataclasses.replace(prepared.dataset, masks=masks))
    part = pipeline.part_of(TINY, few, VARIANTS["sum_sum"], jax.random.key(0))
    assert part.has_lyrics.sum() == 20
    one = few._replace(dataset=dataclasses.replace(few.dataset, masks=masks | {"audio": np.arange(60) >= 19}))
    with pytest.raises(ValueError, match="1 of the 60 clips of the training part have both audio and lyrics"):
        pipeline.part_of(TINY, one, VARIANTS["sum_sum"], jax.random.key(0))


def test_resuming_another_run_is_refused(straight, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(straight / "config.json", folder)
    other = dataclasses.replace(TINY, out=folder, resume=True, net=dataclasses.replace(TINY.net, latent=9))
    with pytest.raises(ValueError, match=r"net\.latent was 8 and is 9"):
        joint_vae.main(other)


def test_a_broken_place_or_option_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="cannot be made"):
        runs.guarded(lambda: joint_vae.main(dataclasses.replace(TINY, out=tmp_path / "file" / "out")))
    with pytest.raises(SystemExit, match="no such folder"):
        runs.guarded(lambda: joint_vae.main(dataclasses.replace(TINY, data=tmp_path / "nowhere")))
    with pytest.raises(ValueError, match="is none of"):
        joint_vae.main(dataclasses.replace(TINY, variant=("documnet",)))
    with pytest.raises(ValueError, match="names one twice: poe moe poe"):
        joint_vae.main(dataclasses.replace(TINY, variant=("poe", "moe", "poe")))
    with pytest.raises(ValueError, match="--seeds must be at least 1, got 0"):
        joint_vae.main(dataclasses.replace(TINY, seeds=0))
    with pytest.raises(SystemExit, match="--preset 'fast' is none of"):
        runs.parse(joint_vae.Config, joint_vae.PRESETS, ["--preset", "fast"])


def test_presets_are_defaults_that_options_override():
    words = ["--preset", "paper", "--frames", "80", "--net.latent", "9", "--n-fft", "1024"]
    paper = runs.parse(joint_vae.Config, joint_vae.PRESETS, words)
    assert (paper.preset, paper.frames, paper.sound.n_mels, paper.sound.n_fft) == ("paper", 80, 128, 1024)
    assert (paper.net.conv_epochs, paper.net.joint_epochs, paper.net.batch, paper.net.latent) == (10, 20, 32, 9)
    assert (paper.fc.epochs, paper.fc.batch, paper.fc.latent, paper.lyrics.dim) == (40, 64, 32, 64)
    assert runs.parse(joint_vae.Config, joint_vae.PRESETS, []).preset == "quick"


def test_fewer_clips_than_clusters_leave_gaps_not_errors(tmp_path, no_figures):
    few = dataclasses.replace(TINY.sound, clips=40)
    config = dataclasses.replace(TINY, out=tmp_path, sound=few, seeds=1, variant=("sum_sum_split",))
    joint_vae.main(config)
    rows = {(row["id"], row["column"]): row for row in _numbers(tmp_path)["rows"]}
    assert rows["hybrid.kmeans.15.silhouette", "sum_sum_split"]["fresh"] is None
    assert rows["hybrid.kmeans.5.silhouette", "sum_sum_split"]["fresh"] is not None


def test_nothing_is_fitted_on_the_test_part():
    prepared = pipeline.prepare(TINY)
    variant = VARIANTS["sum_sum_split"]
    import jax

    part = pipeline.part_of(TINY, prepared, variant, jax.random.key(0))
    texts = prepared.dataset.modalities["lyrics"].copy()
    texts[part.score] = f"{texts[part.fit[0]]} and entirely other words"
    changed = prepared._replace(
        dataset=dataclasses.replace(prepared.dataset, modalities={"lyrics": texts}),
    )
    again = pipeline.part_of(TINY, changed, variant, jax.random.key(0))
    np.testing.assert_array_equal(part.lyrics[part.fit], again.lyrics[again.fit])
    groups = prepared.dataset.groups
    assert not set(groups[part.fit]) & set(groups[part.score])


def test_real_clips_with_audio_files_run_from_end_to_end(real_data, tmp_path, no_figures):
    config = dataclasses.replace(
        TINY,
        data=real_data / "clips_cc",
        out=tmp_path,
        seeds=1,
        variant=("sum_sum_split",),
        sound=dataclasses.replace(TINY.sound, duration=4.0),
    )
    joint_vae.main(config)
    content = _numbers(tmp_path)
    assert content["data"]["counts"]["clips"] == 266
    assert content["data"]["groups"] == "song"
    assert content["data"]["attribution"]["licences"]
    assert "/work" not in json.dumps(content)
    rows = {(row["id"], row["column"]): row for row in content["rows"]}
    assert rows["compare.audio_to_lyrics.recall@10.cca", "sum_sum_split"]["fresh"] is not None
