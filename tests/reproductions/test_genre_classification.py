"""The genre script at a tiny size: its report, resuming, learning, bad input, and real songs."""

import dataclasses
import json

import genre_classification
import jax
import numpy as np
import pandas as pd
import pytest
from documents.genre_classification import experiments, outputs, pipeline, rows, scores
from documents.genre_classification.config import Training
from documents.genre_classification.variants import GENRE_SETS, MODELS, concerns
from records import read_reported

TINY = genre_classification.Config(
    seeds=2,
    songs=120,
    training=Training(epochs=2),
    vocabulary_size=300,
    max_length=160,
    variant=("paper", "repaired"),
    genre_sets=("four",),
    baseline_splits=("random",),
    curve_seeds=1,
    curve_shares=(0.5, 1.0),
)


def _numbers(folder):
    content = json.loads((folder / "report.json").read_text())
    return {key: value for key, value in content.items() if key != "timing"}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    genre_classification.main(dataclasses.replace(TINY, out=folder))
    return folder


def test_every_number_of_the_document_has_a_row(straight):
    found = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"]}
    reported = read_reported(outputs.REPORTED)["entries"]
    # Seven genres, four shares, five counts; accuracies, classes, layers, epochs and their seconds of three models.
    assert len(reported) == 16 + 3 + 12 + 18 + 150 + 75
    for name, entry in reported.items():
        run_for_two_epochs = name.startswith("epoch.") and int(entry["metric"]) > 2 and entry["part"] != "seconds"
        found_columns = [column for id, column in found if id == name]
        assert found_columns or run_for_two_epochs, name
        for column in found_columns:
            assert found[name, column]["reported"] == entry["reported"]
        if name.startswith("summary."):
            assert found[name, ""]["verdict"] == "reproduced"
    assert found["table/four.lyrics.class.jazz", "paper"]["reported"] == 0.5816326530612245
    text = (straight / "report.md").read_text()
    assert "synthetic" in text
    assert "Notes on fidelity" in text
    assert "977,924" in (straight / "summary_lyrics.txt").read_text()


def test_the_curve_has_an_accuracy_for_every_model_at_each_of_its_sizes(straight):
    found = {(row["id"], row["column"]): row for row in _numbers(straight)["rows"] if row["id"].startswith("curve.")}
    sizes = sorted({int(name.split(".")[2]) for name, _ in found})
    assert len(sizes) == 2
    assert abs(sizes[0] * 2 - sizes[1]) <= 1
    for name in ("lyrics model", "metadata model", "combined model", "lyrics model, paper", "majority"):
        assert all(0 <= found[f"curve.table/four.{size}.{name}", ""]["fresh"] <= 1 for size in sizes)
    assert any("twice as many training songs" in note for note in _numbers(straight)["notes"])


def test_a_straight_curve_is_read_at_the_documents_size():
    sizes = [16, 64, 256]
    lines = {(0, "a"): (0.1, 0.05), (1, "a"): (0.3, 0.0), (0, "majority"): (0.4, 0.0)}
    curves = pd.DataFrame(
        [
            {"where": "t", "model": model, "seed": seed, "size": size, "value": level + slope * np.log2(size)}
            for (seed, model), (level, slope) in lines.items()
            for size in sizes
        ]
    )
    found = experiments.extrapolated(curves, 4096)
    assert found["model"].tolist() == ["a", "a"]
    np.testing.assert_allclose(found["value"], [0.1 + 12 * 0.05, 0.3])


def test_the_provisional_rows_stand_beside_the_reported_numbers(straight):
    found = {row["id"]: row for row in _numbers(straight)["rows"] if row["id"].startswith("extrapolated.")}
    row = found["extrapolated.table/four.lyrics model, paper"]
    assert (row["reported"], row["verdict"]) == (0.5666814355338945, None)
    assert "Wilson interval is 0.546 to 0.587" in row["note"]
    assert found["extrapolated.table/four.lyrics model"]["reported"] is None


def test_a_complete_table_gets_verdicts(straight):
    """A user of the whole file sees the same rows, counts and five seeds of the paper's variant judged."""
    table = pipeline.load(dataclasses.replace(TINY, out=straight))["table"]
    whole = dataclasses.replace(table, source={**table.source, "is_complete": True})
    accuracy = {"where": rows.MAIN, "variant": "paper", "model": "lyrics", "metric": "accuracy"}
    values = (0.55, 0.56, 0.57, 0.58, 0.59)
    records = pd.DataFrame([{**accuracy, "seed": seed, "value": value} for seed, value in enumerate(values)])
    records = records.assign(genre=None, baseline=None)
    epochs = pd.DataFrame(columns=["model", "part", "epoch", "seed", "value"])
    curves = pd.DataFrame(columns=["where", "model", "size", "seed", "value"])
    for dataset, expected in ((whole, ("reproduced", "not reproduced")), (table, (None, None))):
        places, reported = {rows.MAIN: "table"}, read_reported(outputs.REPORTED)
        made = rows.all_rows(dataset, records, epochs, curves, places, 5, None, reported)
        verdicts = {row.id: row.verdict for row in made}
        assert (verdicts["table/four.lyrics.accuracy"], verdicts["data.rows"]) == expected


def test_other_data_gets_no_verdict(straight):
    verdicts = {row["verdict"] for row in _numbers(straight)["rows"] if not row["id"].startswith("summary.")}
    assert verdicts == {None}


def test_an_interrupted_run_resumes_to_the_same_numbers(straight, tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, out=tmp_path / "run")
    original, calls = pipeline.fit, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 8:  # in the second seed
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(pipeline, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        genre_classification.main(config)
    monkeypatch.setattr(pipeline, "fit", original)
    genre_classification.main(dataclasses.replace(config, resume=True))
    resumed, expected = _numbers(config.out), _numbers(straight)
    assert [r["fresh"] for r in resumed["rows"]] == [r["fresh"] for r in expected["rows"]]
    with pytest.raises(ValueError, match=r"training\.epochs was 2 and is 3"):
        genre_classification.main(dataclasses.replace(config, resume=True, training=Training(epochs=3)))


@pytest.mark.parametrize("model", MODELS)
def test_each_model_learns_the_embedded_corpus(model, tmp_path):
    config = dataclasses.replace(
        TINY,
        songs=400,
        training=Training(epochs=30, learning_rate=3e-3),
        out=tmp_path,
        max_length=512,
        vocabulary_size=1500,
    )
    loaded = pipeline.load(config)
    corpus = pipeline.corpus_of(loaded["table"], GENRE_SETS["four"])
    part = pipeline.part_of(config, corpus, "stratified", jax.random.key(0))
    fitted = pipeline.fit(config, corpus, part, model, "repaired", jax.random.key(1))
    labels = corpus.labels[part.test]
    majority = (labels == np.bincount(corpus.labels[part.train]).argmax()).mean()
    assert scores.score(fitted, labels)["accuracy"] > majority + 0.05


def test_no_split_shares_a_song_and_artist_splits_no_artist(tmp_path):
    loaded = pipeline.load(dataclasses.replace(TINY, out=tmp_path))
    corpus = pipeline.corpus_of(loaded["table"], GENRE_SETS["seven"])
    for split, label in (("random", "song"), ("stratified", "song"), ("artist", "artist")):
        train, test = pipeline.rows_of(corpus, split, jax.random.key(0), (0.8, 0.2))
        assert len(train) + len(test) == len(corpus.labels)
        values = corpus.dataset.labels[label]
        assert not set(values[train]) & set(values[test])


def test_a_variant_is_skipped_where_it_changes_nothing():
    assert not concerns("metadata", "mask_padding")
    assert not concerns("lyrics", "scaled_features")
    assert concerns("combined", "mask_padding")
    assert all(concerns(model, "paper") for model in MODELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": ("nonsense",)}, "nonsense"),
        ({"variant": ("paper", "paper")}, "names one twice"),
        ({"seeds": 0}, "--seeds"),
        ({"test_fraction": 1.0}, "--test-fraction"),
        ({"data": "no/such/folder"}, "is no file"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(change, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        genre_classification.main(dataclasses.replace(TINY, out=tmp_path, **change))


def test_real_songs_end_with_a_report(real_data, tmp_path):
    config = dataclasses.replace(
        TINY,
        data=str(real_data / "lyrics_1950_2019"),
        out=tmp_path,
        seeds=1,
        training=Training(epochs=1),
        variant=("paper",),
        vocabulary_size=1000,
        max_length=512,
    )
    genre_classification.main(config)
    found = {(row["id"], row["column"]): row for row in _numbers(tmp_path)["rows"]}
    assert found["data.rows", ""]["fresh"] == 1000
    assert found["data.kept", ""]["fresh"] == 381
    assert ("lyrics sample/four.lyrics.accuracy", "paper") in found
