"""Fusion recommender reproduction: records of all seeds → rows' report, figures and their data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fusion_recommender_notes as notes
import fusion_recommender_rows as rows
import numpy as np
import runs
from fusion_recommender_lists import LENGTH, TITLES
from fusion_recommender_pipeline import TABLE1

from jaxmusic import data, figures, report

if TYPE_CHECKING:
    from fusion_recommender import Config

REPORTED = Path(__file__).parent / "reported" / "fusion_recommender.toml"
FILES = ("report.*", "*.png", "figures.json", "work")
Records = Mapping[str, Sequence[Mapping[str, Any]]]


def write(
    config: Config,
    preset: Config,
    songs: data.MillionSongs,
    records: Records,
    studies: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Report, figures and the figures' data; returns the path of `report.md`."""
    reported = tomllib.loads(REPORTED.read_text())
    drawn = _figures(config, records, studies)
    report.write_atomically(config.out / "figures.json", json.dumps(_figure_data(config, records, studies)) + "\n")
    first = records[config.variant[0]][0]
    source = dict(songs.songs.source)
    counts = {name: value for name, value in source.pop("counts").items() if value}
    described = {**source, "counts": counts}
    for name in config.variant:
        facts = records[name][0]
        described[f"first seed, {name}"] = {**facts["facts"], **facts["lists"]["facts"]}
    content = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=described,
        environment=report.environment(("jax", "flax", "optax", "numpy", "scikit-learn", "gensim", "implicit")),
        settings=_settings(config, preset, first),
        rows=rows.make_rows(config, songs, records, studies, reported),
        notes=[*notes.measured(config, records, studies), *notes.NOTES],
        timing={**timing, **_seconds(records)},
        figures=drawn,
    )
    return report.write(content, config.out)


def _settings(config: Config, preset: Config, first: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seeds": config.seeds,
        "Table 1": f"{config.epochs} epochs (2,000 in the document), batch {config.batch_size}, momentum of batch norm "
        f"{config.momentum:g}, widths "
        f"{'-'.join(map(str, config.widths))}, {first['models']['row2']['parameters']:,} parameters at k = 6",
        "tags": f"{config.tags}, word vectors of {config.tag_size} columns, {config.tag_epochs} passes",
        "fields": f"{config.field_size} columns each, {config.field_epochs} passes, {first['facts']['word vectors']}",
        "lyrics": first["facts"].get("lyrics", "none"),
        "WMF": f"{config.wmf_factors} factors, {config.wmf_iterations} iterations, confidence 1 + "
        f"{config.wmf_alpha:g} log(1 + plays), regularisation {config.wmf_regularization:g}",
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _seconds(records: Records) -> dict[str, float]:
    found: dict[str, float] = {}
    for of_variant in records.values():
        for record in of_variant:
            for name, seconds in record["seconds"].items():
                found[f"{name}, all seeds"] = found.get(f"{name}, all seeds", 0.0) + seconds
    return found


def _figures(config: Config, records: Records, studies: Mapping[str, Any]) -> list[tuple[str, str]]:
    drawn = []
    for space, number in (("multi-hot", 4), ("word2vec", 5)):
        found = studies["clusters"][space]
        path = config.out / f"clusters_{space.replace('-', '_')}.png"
        lines = {
            name: (found[field], np.zeros(len(found["k"])))
            for name, field in (
                ("inertia over that of one cluster", "normalized_inertia"), ("silhouette", "silhouette"),
                ("largest cluster's share", "largest_share"), ("entropy of sizes", "entropy"),
            )
        }  # fmt: skip
        shown = _marked(found["k"])
        figures.learning_curve(
            [found["k"][i] for i in shown],
            {name: ([mean[i] for i in shown], [sd[i] for i in shown]) for name, (mean, sd) in lines.items()},
            0.0, path=path, xlabel="clusters k", ylabel="share", title=f"Tag lists, {space}: elbow at {found['elbow']}",
            level="zero",
        )  # fmt: skip
        drawn.append((path.name, f"Figure {number} of the document, {space}: one run, K-means of distinct tag lists"))
    for name in config.variant:
        curves = {
            f"{row}: k = {setting.k}, p = {setting.dropout}": {
                "accuracy": np.array(records[name][0]["models"][row]["curves"]["accuracy"]),
                "valid_accuracy": np.array(records[name][0]["models"][row]["curves"]["valid_accuracy"]),
            }
            for row, setting in TABLE1.items()
        }
        path = config.out / f"accuracy_{name}.png"
        figures.training_curves(
            curves, path=path, ylabel="accuracy", held_out="test part", share=True, epochs=config.epochs
        )
        drawn.append((
            path.name,
            f"Figures 8 to 10, split {name}: training accuracy (with dropout, as trained) and test accuracy (dashed) "
            "of the first seed",
        ))  # fmt: skip
    long = records[config.variant[0]][0].get("long")
    if long is not None:
        curves = {
            f"{config.variant[0]}: k = 6, p = 0.5": {
                field: np.array(long["curves"][field]) for field in ("accuracy", "valid_accuracy")
            }
        }
        figures.training_curves(
            curves, path=config.out / "accuracy_long.png", ylabel="accuracy", held_out="test part", share=True,
            epochs=config.long_epochs,
        )  # fmt: skip
        drawn.append(("accuracy_long.png", f"Figure 9: {config.long_epochs} epochs in at most 200 points, first seed"))
    drawn.append(_sweep_figure(config, records, studies))
    names = _ranked(records, config.variant[0])[::-1]
    bars: dict[str, Any] = {}
    for name in config.variant:
        values = [_precision(records[name], method) for method in names]
        bars[name] = (
            [float(np.mean(v)) if v else np.nan for v in values],
            [float(np.std(v, ddof=1)) if len(v) > 1 else 0.0 for v in values],
        )
    figures.metric_bars(
        [TITLES[name].format(k=config.soft_k) for name in names], bars, path=config.out / "map.png",
        ylabel=f"mAP@{LENGTH}", title="Lists of each method", lying=True,
    )  # fmt: skip
    drawn.append(("map.png", "Table 2 and what it lacks: mean ± standard deviation over seeds"))
    return drawn


def _sweep_figure(config: Config, records: Records, studies: Mapping[str, Any]) -> tuple[str, str]:
    k = sorted({int(value) for found in studies["sweep"] for value in found})
    lines = {}
    for way in ("dot", "cosine", "labels"):
        values = [[found[str(value)][way] for found in studies["sweep"] if str(value) in found] for value in k]
        lines[way] = ([np.mean(v) for v in values], [np.std(v, ddof=1) if len(v) > 1 else 0.0 for v in values])
    popular = float(np.mean(_precision(records[config.variant[0]], "popularity")))
    figures.learning_curve(
        k, lines, popular, path=config.out / "map_against_k.png", xlabel="classes k", ylabel=f"mAP@{LENGTH}",
        title="Lists by the net's probabilities", level="popularity",
    )  # fmt: skip
    caption = (
        f"mAP against the number of classes, {config.sweep_epochs} epochs, {len(studies['sweep'])} seeds, random "
        f"split; labels: K-means alone; popularity from the rows of the {config.variant[0]} split"
    )
    return "map_against_k.png", caption


def _marked(k: Sequence[int]) -> list[int]:
    """Places of the k that a figure marks."""
    wanted = (2, 3, 4, 6, 10, 13, 20, 30, 50, 70, 100)
    return [i for i, value in enumerate(k) if value in wanted]


def _ranked(records: Records, variant: str) -> list[str]:
    names = list(records[variant][0]["lists"]["scores"])
    return sorted(names, key=lambda name: float(np.mean(_precision(records[variant], name))))


def _precision(of_variant: Sequence[Mapping[str, Any]], method: str) -> list[float]:
    return [
        record["lists"]["scores"][method][f"map@{LENGTH}"]
        for record in of_variant
        if method in record["lists"]["scores"]
    ]


def _figure_data(config: Config, records: Records, studies: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers behind every figure."""
    return {
        "clusters": studies["clusters"],
        "curves": {name: {row: records[name][0]["models"][row]["curves"] for row in TABLE1} for name in config.variant},
        "map against k": studies["sweep"],
        "map": {
            name: {method: _precision(records[name], method) for method in _ranked(records, name)}
            for name in config.variant
        },
    }
