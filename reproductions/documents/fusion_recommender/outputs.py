"""Fusion recommender: records of all seeds → report, figures and their data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import runs
from records import read_notes, read_reported

from documents.fusion_recommender import figures, rows
from documents.fusion_recommender.comparisons import Facts
from documents.fusion_recommender.config import Config
from documents.fusion_recommender.notes import measured
from jaxmusic import data, report

_HERE = Path(__file__).parent
REPORTED = _HERE / "reported.toml"
FILES = ("report.*", "*.png", "figures.json", "work")


def write(
    config: Config, preset: Config, songs: data.MillionSongs, found: Mapping[str, Any], timing: Mapping[str, float]
) -> Path:
    """Report, figures and the figures' data; returns the path of `report.md`."""
    reported = read_reported(REPORTED)
    experiments = {name: found[name] for name in ("clusters", "fusions", "search")}
    facts = {name: runs.by_seed(found, f"{name}_seed_") for name in config.variant}
    records = pd.DataFrame(
        [
            {**record, "seed": seed}
            for of_variant in facts.values()
            for seed, task in enumerate(of_variant)
            for record in task["records"]
        ]
    )
    drawn = figures.draw(config, records, facts, experiments)
    numbers = figures.data_of(config, records, facts, experiments)
    report.write_atomically(config.out / "figures.json", json.dumps(numbers) + "\n")
    source = dict(songs.songs.source)
    counts = {name: value for name, value in source.pop("counts").items() if value}
    parts = {f"first seed, {name}": {**own[0]["facts"], **own[0]["lists"]["facts"]} for name, own in facts.items()}
    made = rows.all_rows(config, songs, records, facts, experiments, reported["entries"])
    content = report.Report(
        document=reported["document"],
        preset=config.preset,
        data={**source, "counts": counts, **parts},
        environment=report.environment(("jax", "flax", "optax", "numpy", "scikit-learn", "gensim", "implicit")),
        settings=_settings(config, preset, facts[config.variant[0]][0]),
        rows=made,
        findings=report.findings(_HERE / "findings.toml", made),
        notes=read_notes(
            _HERE / "notes.md", {"measured": measured(config, records, facts, experiments, made, reported["entries"])}
        ),
        timing={**timing, **_seconds(facts)},
        figures=drawn,
    )
    return report.write(content, config.out)


def _settings(config: Config, preset: Config, first: Mapping[str, Any]) -> dict[str, Any]:
    net, words, wmf = config.net, config.words, config.wmf
    return {
        "seeds": config.seeds,
        "Table 1": f"{net.epochs} epochs (2,000 in the document), batch {net.batch_size}, momentum of batch norm "
        f"{net.momentum:g}, widths {'-'.join(map(str, net.widths))}, {first['models']['row2']['parameters']:,} "
        "parameters at k = 6",
        "tags": f"{config.tags}, word vectors of {words.tag_size} columns, {words.tag_epochs} passes",
        "fields": f"{words.field_size} columns each, {words.field_epochs} passes, {first['facts']['word vectors']}",
        "lyrics": first["facts"].get("lyrics", "none"),
        "WMF": f"{wmf.factors} factors, {wmf.iterations} iterations, confidence 1 + {wmf.alpha:g} log(1 + plays), "
        f"regularisation {wmf.regularization:g}",
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _seconds(facts: Facts) -> dict[str, float]:
    found: dict[str, float] = {}
    for of_variant in facts.values():
        for record in of_variant:
            for name, seconds in record["seconds"].items():
                found[f"{name}, all seeds"] = found.get(f"{name}, all seeds", 0.0) + seconds
    return found
