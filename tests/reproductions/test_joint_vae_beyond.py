"""The script beyond the Joint VAE document at a tiny size: splits, choice, rows, resuming, gaps, bad input."""

import dataclasses
import json
import math
import shutil

import jax
import joint_vae_beyond
import numpy as np
import pytest
from documents.clips import Sound
from documents.joint_vae_beyond import cca, experiments, pipeline, references, rows
from documents.joint_vae_beyond import views as data_views
from documents.joint_vae_beyond.config import Net, Sizes
from documents.joint_vae_beyond.variants import BASE, VARIANTS, is_choosable

TINY = joint_vae_beyond.Config(
    seeds=2,
    folds=4,
    sound=Sound(clips=100, clip_seconds=1.5, n_mels=16),
    frames=16,
    experiment_seeds=1,
    sentence_encoder="none",
    variant=("poe, reconstruction only", "base", "labels", "sentence encoder"),
    sizes=Sizes(lyrics_dim=8, audio_dim=8, cca_components=4),
    net=Net(epochs=2, pretrain_epochs=1, spectrogram_epochs=1, widths=(16,)),
)


def _numbers(folder):
    content = json.loads((folder / "report.json").read_text())
    # Times differ between runs; nothing else may.
    return {key: value for key, value in content.items() if key != "timing"}


@pytest.fixture(scope="module")
def prepared():
    return data_views.prepare(TINY)


@pytest.fixture(scope="module")
def small_experiments():
    """Two shares and one fusion: each is a model to compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "MISSING", (0.0, 1.0))
        patch.setattr(experiments, "FUSIONS", ("average",))
        patch.setattr(experiments, "PAIRS", (20,))
        yield


@pytest.fixture(scope="module")
def straight(tmp_path_factory, small_experiments):
    folder = tmp_path_factory.mktemp("straight")
    joint_vae_beyond.main(dataclasses.replace(TINY, out=folder))
    return folder


def test_test_parts_are_disjoint_and_no_artist_crosses(prepared):
    parts = [data_views.part_of(prepared, seed) for seed in range(TINY.folds)]
    groups = prepared.dataset.groups
    assert sorted(np.concatenate([part.test for part in parts])) == list(range(len(prepared.dataset)))
    for part in parts:
        rows = [part.fit, part.valid, part.test]
        assert sorted(np.concatenate(rows)) == list(range(len(prepared.dataset)))
        artists = [set(groups[r]) for r in rows]
        assert sum(map(len, artists)) == len(set.union(*artists))


@pytest.mark.parametrize("audio", ["features", "statistics", "frames"])
@pytest.mark.parametrize("lyrics", ["tfidf+lexical", "language_aware"])
def test_views_are_fitted_on_the_training_rows_alone(prepared, audio, lyrics):
    part = data_views.part_of(prepared, 0)
    test = part.test
    words = prepared.dataset.modalities["lyrics"].copy()
    words[test] = "quite other words"
    changed = dataclasses.replace(
        prepared,
        dataset=dataclasses.replace(prepared.dataset, modalities={"lyrics": words}),
        spectrograms=prepared.spectrograms.copy(),
        statistics=prepared.statistics.copy(),
        dynamics=prepared.dynamics.copy(),
        lexical=prepared.lexical.copy(),
    )
    for array in (changed.spectrograms, changed.statistics, changed.dynamics, changed.lexical):
        array[test] += 7.0
    before, after = (data_views.views(TINY, p, part, audio, lyrics) for p in (prepared, changed))
    others = np.concatenate([part.fit, part.valid])
    np.testing.assert_array_equal(before.audio[others], after.audio[others])
    np.testing.assert_array_equal(before.lyrics[others], after.lyrics[others])
    assert np.abs(before.audio[test] - after.audio[test]).max() > 0.1


def test_the_choice_reads_validation_scores_only(straight):
    records = [json.loads((straight / "work" / f"seed_{seed}.json").read_text()) for seed in range(2)]
    for record in records:
        chosen = rows.with_chosen([record])[0]["models"][rows.CHOSEN]["choice"]
        valid = {n: m["valid"] for n, m in record["models"].items() if n in VARIANTS and is_choosable(n)}
        assert chosen == max(valid, key=valid.get)
        # Other test scores change nothing.
        for model in record["models"].values():
            if "test" in model:
                model["test"] = {d: {k: v[::-1] for k, v in t.items()} for d, t in model["test"].items()}
        assert rows.with_chosen([record])[0]["models"][rows.CHOSEN]["choice"] == chosen


def test_every_model_stands_beside_chance_and_the_references(straight):
    content = _numbers(straight)
    numbers = {(row["id"], row["column"]): row for row in content["rows"]}
    for name in (
        "chance",
        "base",
        "linear CCA",
        "linear CCA, document's inputs",
        "kernel CCA",
        "dual encoder",
        "the language alone",
        rows.CHOSEN,
    ):
        for title in rows.TITLES.values():
            row = numbers[f"retrieval.{name}", title]
            assert math.isfinite(row["fresh"])
            assert row["n"] == 2
            assert row["verdict"] is None
            assert 0 <= numbers[f"within.{name}", title]["fresh"] <= 1
    for name in ("PCA of both", "FC-VAE", "supervised CNN", "poe, reconstruction only", "labels"):
        assert 0 <= numbers[f"space.{name}", "genre NMI"]["fresh"] <= 1
    expected = np.mean([min(10, len(record)) / len(record) for record in _test_groups(straight)])
    assert numbers["retrieval.chance", "R@10 lyrics → audio"]["fresh"] == pytest.approx(expected)
    # What cannot be run is named with its reason, never left out in silence.
    assert any("sentence encoder" in note and "none was asked for" in note for note in content["notes"])
    assert any(note.startswith("Search budget: 2 variants") for note in content["notes"])
    assert {path.name for path in straight.glob("*.png")} == {
        "retrieval.png",
        "pairs.png",
        "missing_retrieval.png",
        "missing_clusters.png",
    }


def _test_groups(folder):
    return [json.loads((folder / "work" / f"seed_{seed}.json").read_text())["groups"] for seed in range(2)]


def test_an_interrupted_run_resumes_to_the_same_numbers(straight, small_experiments, tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, out=tmp_path / "run")
    original, calls = joint_vae_beyond.fit_variant, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:  # in the second seed
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(joint_vae_beyond, "fit_variant", interrupted)
    with pytest.raises(KeyboardInterrupt):
        joint_vae_beyond.main(config)
    assert not (config.out / "report.json").exists()
    # Trained after all seeds, whatever interrupted those.
    shutil.copy(straight / "work" / "experiments_1_seeds.json", config.out / "work")
    joint_vae_beyond.main(dataclasses.replace(config, resume=True))
    assert len(calls) == 5 + 3  # the first seed's three came from disk
    assert _numbers(config.out) == _numbers(straight)


def test_without_any_lyrics_nothing_breaks_and_retrieval_is_chance(straight):
    found = json.loads((straight / "work" / "experiments_1_seeds.json").read_text())
    without = [record for record in found["missing"] if record["share"] == 1.0]
    pairs = len(_test_groups(straight)[0])
    for metric, expected in (("recall@10", min(10, pairs) / pairs), ("finite", 1.0)):
        values = [record["value"] for record in without if record["metric"] == metric]
        assert values == [pytest.approx(expected)]
    assert sum(record["metric"] == "genre NMI" for record in without) == 1
    assert all(math.isfinite(record["value"]) for record in without)


def test_within_a_language_the_language_says_nothing(straight):
    numbers = {(row["id"], row["column"]): row["fresh"] for row in _numbers(straight)["rows"]}
    for title in rows.TITLES.values():
        alone, chance = (numbers[f"within.{name}", title] for name in ("the language alone", "chance"))
        assert alone == pytest.approx(chance)
        # Among all pairs it finds as much: the others are of another language.
        assert numbers["retrieval.the language alone", title] == pytest.approx(alone)
        assert alone > numbers["retrieval.chance", title]


def test_a_sound_view_is_fitted_on_the_training_rows_and_skipped_without_files(prepared):
    assert data_views.reason_to_skip(prepared, VARIANTS["sound encoder"]) == "none: the clips have no audio files"
    heard = dataclasses.replace(prepared, sounds=np.random.default_rng(0).normal(size=(100, 20)).astype(np.float32))
    part = data_views.part_of(heard, 0)
    changed = dataclasses.replace(heard, sounds=heard.sounds.copy())
    changed.sounds[part.test] += 7.0
    for name, width in (("sound", TINY.sizes.audio_dim), ("features+sound", 2 * TINY.sizes.audio_dim)):
        before, after = (data_views.views(TINY, p, part, name, "tfidf").audio for p in (heard, changed))
        assert before.shape == (100, width)
        np.testing.assert_array_equal(before[part.fit], after[part.fit])
        assert np.abs(before[part.test] - after[part.test]).max() > 0.1


def test_a_pretrained_model_starts_from_unpaired_training(prepared):
    part = data_views.part_of(prepared, 0)
    config = dataclasses.replace(TINY, net=dataclasses.replace(TINY.net, epochs=1))
    more = dataclasses.replace(prepared, more_lyrics=("moon and sea", "river of the night", "sun and moon"))
    for variant in (VARIANTS["pretrained, unpaired"], VARIANTS["pretrained, further lyrics"]):
        fitted = pipeline.fit_variant(config, more, part, variant, jax.random.key(0))
        assert np.isfinite(fitted.audio).all()
        fresh = pipeline.fit_variant(config, more, part, dataclasses.replace(variant, start=""), jax.random.key(0))
        assert np.abs(fitted.lyrics - fresh.lyrics).max() > 1e-3
    assert data_views.reason_to_skip(prepared, VARIANTS["pretrained, further lyrics"]) == "no --more-lyrics were given"


def test_ridge_is_chosen_on_the_validation_part(prepared):
    part = data_views.part_of(prepared, 0)
    seen = data_views.views(TINY, prepared, part, *references.BASE)
    pairs, valid = part.pairs(part.fit), part.pairs(part.valid)
    best = references.linear_cca(TINY, seen, pairs, cca.RIDGES, valid)
    scores = {}
    for ridge in cca.RIDGES:
        alone = references.linear_cca(TINY, seen, pairs, (ridge,), valid)
        scores[alone.note] = cca.validation_score(alone.audio, alone.lyrics, valid)
    assert best.note == max(scores, key=scores.get)


def test_bad_options_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="three folds at least"):
        joint_vae_beyond.main(dataclasses.replace(TINY, out=tmp_path, folds=2))
    with pytest.raises(ValueError, match="a seed for each at most"):
        joint_vae_beyond.main(dataclasses.replace(TINY, out=tmp_path, seeds=5))
    with pytest.raises(ValueError, match="is none of"):
        joint_vae_beyond.main(dataclasses.replace(TINY, out=tmp_path, variant=("poe",)))
    assert BASE.alignment_weight > 0
