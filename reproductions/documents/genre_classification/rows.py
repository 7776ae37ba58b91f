"""Genre classification: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import Table, make_rows

from documents.genre_classification.experiments import DOCUMENT_SONGS, extrapolated, line_of
from documents.genre_classification.modules import layer_counts
from documents.genre_classification.variants import GENRE_SETS, MODELS
from jaxmusic import data, report
from jaxmusic.data._lyrics_table import FEATURES
from jaxmusic.evaluation import wilson_interval

NAMES = {"lyrics": "lyrics model", "metadata": "metadata model", "combined": "combined model"}
_METRICS = {
    "accuracy": "accuracy, last epoch (best where the variant says so)",
    "best_test_accuracy": "highest test accuracy of any epoch",
    "accuracy_with_dropout": "accuracy with dropout on",
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "ece": "expected calibration error",
    "train_accuracy": "training accuracy, last epoch",
}
_BASELINE_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro f1",
    "balanced_accuracy": "balanced accuracy",
    "ece": "ece",
}
MAIN = "table/four"


def all_rows(
    table: data.Dataset,
    records: pd.DataFrame,
    epochs: pd.DataFrame,
    curves: pd.DataFrame,
    places: Mapping[str, str],
    seeds: int,
    test_songs: int | None,
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every number of the document, then what it lacks.

    Args:
        table: all songs of the document's table.
        records: of all corpora and seeds.
        epochs: accuracies of each epoch, of the paper's variant on the four genres.
        curves: accuracies by the number of training songs.
        places: corpus → what a heading calls it.
        seeds: runs.
        test_songs: of the four genres' random split; None where no variant has it.
        reported: `reported.toml`.

    Returns:
        The rows.
    """
    is_complete = bool(table.source["is_complete"])
    entries = reported["entries"]
    # Only the paper's own way on its own data can confirm a number.
    return [
        *_data_rows(table, test_songs, entries, is_complete),
        *_summary_rows(entries),
        *make_rows(
            records,
            _tables(places, entries, reported["test_songs"]),
            entries,
            seeds=seeds,
            comparable=["paper"] * is_complete,
        ),
        *make_rows(epochs, [_EPOCHS], entries, seeds=seeds, comparable=[""] * is_complete),
        *_second_rows(entries),
        *make_rows(curves, [_CURVE]),
        *(_provisional(curves, entries, reported["test_songs"]) if len(curves) else []),
    ]


def _counted(
    id: str,
    section: str,
    what: str,
    metric: str,
    reported: float | None,
    value: float,
    is_comparable: bool,
    note: str = "",
) -> report.Row:
    """Counts are exact: no interval is needed to compare them."""
    verdict = None
    if is_comparable and reported is not None:
        verdict = report.REPRODUCED if abs(reported - value) < 1e-6 else report.NOT_REPRODUCED
    return report.Row(id, section, what, metric, reported, value, None, 1, verdict, note)


def _data_rows(
    table: data.Dataset, test: int | None, entries: Mapping[str, Any], is_complete: bool
) -> list[report.Row]:
    genre = table.labels["genre"]
    four = GENRE_SETS["four"]
    kept = np.isin(genre, four)
    shares = [float((genre[kept] == name).mean()) if kept.any() else 0.0 for name in four]
    lines: list[tuple[str, str, str, float | None]] = [
        ("rows", "songs of the table", "count", table.source["counts"]["rows"]),
        ("columns", "columns of the table", "count", table.source["counts"]["columns"]),
        ("features", "engineered features", "count", len(FEATURES)),
        *((f"genre.{name}", name, "songs", int((genre == name).sum())) for name in GENRE_SETS["seven"]),
        ("kept", "songs of the four genres", "count", int(kept.sum())),
        *(
            (f"base_rate.{name}", name, "share of the four genres", round(share, 6))
            for name, share in zip(four, shares, strict=True)
        ),
        ("test", "test part of the random split", "songs", test),
    ]
    return [
        _counted(f"data.{id}", "Data", what, metric, entries[f"data.{id}"]["reported"], float(value), is_complete)
        for id, what, metric, value in lines
        if value is not None
    ]


def _summary_rows(entries: Mapping[str, Any]) -> list[report.Row]:
    """Parameters of each layer at the document's sizes."""
    made = []
    for model in MODELS:
        counts = layer_counts(model)
        section = f"Model summary at the document's sizes: {NAMES[model]}"
        stated = [e for e in entries.values() if e.get("counts") == "parameters" and e["model"] == model]
        for entry, fresh in zip(stated, [*counts, sum(counts)], strict=True):
            layer = entry["metric"]
            made.append(
                _counted(
                    f"summary.{model}.{layer}",
                    section,
                    "all" if layer == "total" else layer,
                    "parameters",
                    entry["reported"],
                    fresh,
                    True,
                    "whatever the data",
                )
            )
    return made


def _tables(places: Mapping[str, str], entries: Mapping[str, Any], test_songs: int) -> list[Table]:
    def interval(values: Mapping[str, Any]) -> str:
        entry = entries.get(f"{values['where']}.{values['model']}.{values['metric']}")
        return "" if entry is None else _one_run(entry["reported"], test_songs)

    made = []
    for where, place in places.items():
        for model, name in NAMES.items():
            shown = {"where": [where], "model": {model: name}}
            section = f"{name.capitalize()} ({place})"
            made += [
                Table(
                    section,
                    "{where}.{model}.{metric}",
                    "{model}",
                    "{metric}",
                    {**shown, "metric": _METRICS},
                    note=interval,
                ),
                Table(
                    section,
                    "{where}.{model}.class.{genre}",
                    "{model}, {genre}",
                    "accuracy of the class",
                    {**shown, "metric": ["class"]},
                ),
            ]
        made += [
            Table(
                f"Baselines that the document lacks ({place})",
                "{where}.baseline.{baseline}.{metric}",
                "{baseline}",
                where={"where": [where], "variant": (), "baseline": (), "metric": _BASELINE_METRICS},
            ),
            Table(
                f"Accuracy above the strongest baseline of the same columns ({place})",
                "{where}.{model}.over_baseline",
                "{model}",
                "difference, same split",
                {"where": [where], "variant": (), "model": NAMES, "metric": ["over_baseline"]},
            ),
        ]
    return made


_EPOCHS = Table(
    "{model}: each epoch",
    "epoch.{model}.{part}.{epoch:02d}",
    "{part} accuracy, epoch {epoch}",
    "accuracy",
    {"model": {name: title.capitalize() for name, title in NAMES.items()}, "part": ["train", "test"]},
    column="",
)
_CURVE = Table(
    "Experiment: accuracy against the number of training songs ({where}, stratified split)",
    "curve.{where}.{size}.{model}",
    "{size} training songs, {model}",
    "accuracy",
    {"where": (), "model": ()},
    column="",
)
_EXTRAPOLATED = Table(
    f"Provisional: straight lines in log songs, at the document's {DOCUMENT_SONGS:,} training songs ({{where}})",
    "extrapolated.{where}.{model}",
    "{model}",
    "accuracy",
    {"where": (), "model": ()},
    column="",
)


def _provisional(curves: pd.DataFrame, entries: Mapping[str, Any], test_songs: int) -> list[report.Row]:
    """What the curves say of the document's size, beside what it reports; no verdict, since its songs are others."""
    stated = {}
    for where in dict.fromkeys(curves["where"]):
        for model in MODELS:
            value = entries[f"{MAIN}.{model}.accuracy"]["reported"]
            note = _one_run(value, test_songs)
            stated[f"extrapolated.{where}.{line_of(model, 'paper')}"] = {"reported": value, "note": note}
    return make_rows(extrapolated(curves), [_EXTRAPOLATED], stated)


def _one_run(reported: float, test_songs: int) -> str:
    low, high = wilson_interval(round(reported * test_songs), test_songs)
    return f"reported: one run; its 95 % Wilson interval is {low:.3f} to {high:.3f} (n = {test_songs:,})"


def _second_rows(entries: Mapping[str, Any]) -> list[report.Row]:
    """Seconds of the document's epochs, which no run of another machine can confirm."""
    return [
        report.Row(
            id,
            f"{NAMES[entry['model']].capitalize()}: seconds of each epoch",
            f"epoch {int(entry['metric'])}",
            "seconds",
            entry["reported"],
            None,
            None,
            0,
            None,
            entry["note"],
        )
        for id, entry in entries.items()
        if entry.get("part") == "seconds"
    ]


def epoch_records(by_seed: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Accuracies of each epoch from the curves of all seeds, as far as all of them have them."""
    lines = [
        {"model": model, "part": part, "epoch": epoch, "seed": seed, "value": value}
        for seed, curves in enumerate(by_seed)
        for model, of_model in curves.items()
        for part, column in (("train", "accuracy"), ("test", "test_accuracy"))
        for epoch, value in enumerate(of_model.get(column, ()), 1)
    ]
    return pd.DataFrame(lines, columns=["model", "part", "epoch", "seed", "value"])
