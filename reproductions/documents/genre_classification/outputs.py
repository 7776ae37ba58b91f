"""Genre classification: records of all seeds → report, figures and model summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import runs
from records import read_notes, read_reported, select

from documents.genre_classification import figures, rows
from documents.genre_classification.config import Config
from documents.genre_classification.modules import summaries
from jaxmusic import data, report
from jaxmusic.data._download import is_url
from jaxmusic.data._lyrics_table import GENRE_COUNTS

_HERE = Path(__file__).parent
REPORTED = _HERE / "reported.toml"
FILES = ("report.*", "*.png", "summary_*.txt", "work")


def write(
    config: Config,
    preset: Config,
    loaded: Mapping[str, data.Dataset],
    found: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Write report, figures and model summaries; returns the path of `report.md`."""
    reported = read_reported(REPORTED)
    seeds: dict[str, list[Any]] = {}
    curves = []
    for task in found.values():
        if task["kind"] == "seed":
            seeds.setdefault(task["where"], []).append(task)
        else:
            curves += [{**record, "where": task["where"], "seed": task["seed"]} for record in task["records"]]
    curve = pd.DataFrame(curves, columns=["where", "size", "model", "seed", "value"])
    records = pd.DataFrame(
        [
            {**record, "where": where, "seed": seed}
            for where, tasks in seeds.items()
            for seed, task in enumerate(tasks)
            for record in task["records"]
        ]
    )
    places = {where: _place(where, tasks[0]["songs"]) for where, tasks in seeds.items()}
    papers = {where: [task["models"].get("paper", {}) for task in tasks] for where, tasks in seeds.items()}
    epochs = {where: [{m: f["curves"] for m, f in models.items()} for models in own] for where, own in papers.items()}
    main = seeds.get(rows.MAIN, [{"parts": {}}])[0]["parts"].get("random", {})
    for name, text in summaries().items():
        report.write_atomically(config.out / f"summary_{name}.txt", text)
    drawn = [figure for where, own in epochs.items() for figure in figures.draw_epochs(config.out, where, own)]
    drawn += [figures.draw_curve(config.out, str(where), own) for where, own in curve.groupby("where", sort=False)]
    made = rows.all_rows(
        loaded["table"],
        records,
        rows.epoch_records(epochs.get(rows.MAIN, [])),
        curve,
        places,
        config.seeds,
        main.get("test"),
        reported,
    )
    content = report.Report(
        document=reported["document"],
        preset=config.preset,
        data={name: _described(dataset) for name, dataset in loaded.items()},
        environment=report.environment(("jax", "flax", "optax", "numpy", "scikit-learn", "tokenizers")),
        rows=made,
        findings=report.findings(_HERE / "findings.toml", made),
        notes=read_notes(_HERE / "notes.md", _measured(config, loaded, seeds, curve, made)),
        timing={**timing, **_seconds(papers)},
        figures=drawn,
        settings=_settings(config, preset),
    )
    return report.write(content, config.out)


def _place(where: str, songs: int) -> str:
    name, _, count = where.partition("/")
    return f"{name}, {count} genres: {songs:,} songs"


def _measured(
    config: Config,
    loaded: Mapping[str, data.Dataset],
    seeds: Mapping[str, Sequence[Any]],
    curve: pd.DataFrame,
    made: Sequence[report.Row],
) -> dict[str, Any]:
    """What the notes say of this run."""
    is_complete = loaded["table"].source.get("is_complete")
    incomplete = "The data is not the document's complete table, so no reported number gets a verdict."
    own = "a WordPiece vocabulary trained on each training part, not BERT's"
    return {
        "incomplete": "" if is_complete else incomplete,
        "tokens": own if config.tokenizer is None else f"the tokenizer {Path(config.tokenizer).name}",
        "corpora": [note for where, tasks in seeds.items() for note in _corpus_notes(config, where, tasks)],
        "curves": [_gains(str(where), points) for where, points in curve.groupby("where", sort=False)],
        "provisional": _provisional(made),
    }


def _corpus_notes(config: Config, where: str, tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    first = tasks[0]
    part = next(iter(first["parts"].values()))
    overlap = {split: p["artists on both sides"] for split, p in first["parts"].items()}
    notes = [
        f"{where}: {part['train']:,} training and {part['test']:,} test songs, {part['padding']:.0%} of the "
        f"{config.max_length} positions padding, {part['truncated']} lyrics cut, vocabulary {part['vocabulary']:,} "
        f"(first seed); artists on both sides by split: {overlap}."
    ]
    for model in first["models"].get("paper", {}):
        table = np.sum([task["models"]["paper"][model]["confusion"] for task in tasks], 0)
        lines = "; ".join(
            f"{genre} → {', '.join(map(str, row))}" for genre, row in zip(first["genres"], table, strict=True)
        )
        notes.append(f"{where}, {rows.NAMES[model]}, paper: confusion, true → predicted, all seeds summed: {lines}.")
    return notes


def _gains(where: str, points: pd.DataFrame) -> str:
    """What each model gains by twice as many songs."""
    sizes = sorted(set(points["size"]))
    parts = []
    for model in dict.fromkeys(points["model"]):
        if model != "majority":
            values = select(points, model=model).pivot(index="seed", columns="size", values="value")[sizes].to_numpy()
            slope, _ = np.polyfit(np.log2(sizes), values.mean(0), 1)
            parts.append(f"{model} {slope:+.3f}, the last time {(values[:, -1] - values[:, -2]).mean():+.3f}")
    return (
        f"{where}: what twice as many training songs add to the test accuracy, on average from {sizes[0]:,} to "
        f"{sizes[-1]:,}: {'; '.join(parts)}."
    )


def _provisional(made: Sequence[report.Row]) -> list[str]:
    """Where the extrapolated accuracies lie beside the reported ones."""
    return [
        f"{row.what}, {row.section.removeprefix('Provisional: ')}: {row.fresh:.3f}, 95 % prediction interval "
        f"{row.interval[0]:.3f} to {row.interval[1]:.3f}; reported {row.reported:.3f}, "
        f"{'inside' if row.interval[0] <= row.reported <= row.interval[1] else 'outside'}."
        for row in made
        if row.id.startswith("extrapolated.") and row.reported is not None and row.fresh is not None and row.interval
    ]


def _described(dataset: data.Dataset) -> dict[str, Any]:
    source = dataset.source
    genres = {genre: int((dataset.labels["genre"] == genre).sum()) for genre in GENRE_COUNTS}
    path = str(source["path"])
    return {
        "name": source["name"],
        "file": path if is_url(path) else Path(path).name,
        "extent": source["extent"],
        **source["counts"],
        "dropped": ", ".join(f"{reason}: {n}" for reason, n in source["dropped"].items()) or "none",
        **genres,
        "attribution": source["attribution"],
    }


def _settings(config: Config, preset: Config) -> dict[str, Any]:
    return {
        "seeds": config.seeds,
        "epochs": config.training.epochs,
        "batch size": config.training.batch_size,
        "optimizer": f"Adam {config.training.learning_rate:g}",
        "variants": " ".join(config.variant),
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _seconds(papers: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Training time of the paper's variant, all seeds."""
    return {
        f"training, paper, {where}, {model}": sum(models[model]["seconds"] for models in own)
        for where, own in papers.items()
        for model in own[0]
    }
