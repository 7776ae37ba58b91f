"""Genre classification reproduction: scores of all seeds → rows, figures and the report."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import genre_classification_curve as curve
import genre_classification_pipeline as pipeline
import jax
import jax.numpy as jnp
import numpy as np
from genre_classification_notes import NOTES

from jaxmusic import data, figures, report
from jaxmusic.data.download import is_url
from jaxmusic.data.lyrics_table import FEATURES, GENRE_COUNTS
from jaxmusic.evaluation import wilson_interval

if TYPE_CHECKING:
    from genre_classification import Config

REPORTED = Path(__file__).parent / "reported" / "genre_classification.toml"
FILES = ("report.*", "*.png", "summary_*.txt", "work")
_NAMES = {"lyrics": "lyrics model", "metadata": "metadata model", "combined": "combined model"}
_METRICS = {
    "accuracy": "accuracy, last epoch (best where the variant says so)",
    "best_test_accuracy": "highest test accuracy of any epoch",
    "accuracy_with_dropout": "accuracy with dropout on",
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "ece": "expected calibration error",
    "train_accuracy": "training accuracy, last epoch",
}
_BASELINE_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "ece")
Records = Mapping[str, Mapping[str, Any]]


def write(
    config: Config,
    preset: Config,
    loaded: Mapping[str, data.Dataset],
    records: Records,
    curves: Mapping[str, Sequence[curve.Curve]],
    timing: dict[str, float],
) -> Path:
    """Write report, figures and model summaries; returns the path of `report.md`."""
    reported = tomllib.loads(REPORTED.read_text())
    first = loaded["table"].source
    content = report.Report(
        document=reported["document"],
        preset=config.preset,
        data={name: _described(dataset) for name, dataset in loaded.items()},
        environment=report.environment(("jax", "flax", "optax", "numpy", "scikit-learn", "tokenizers")),
        rows=[*make_rows(config, loaded, records, reported), *curve.make_rows(curves)],
        notes=[*_notes(config, records), *curve.notes(curves), *NOTES],
        timing={**timing, **_seconds(records)},
        figures=[*_figures(config, records), *curve.draw(config, curves)],
        settings=_settings(config, preset),
    )
    if not first.get("is_complete"):
        content.notes.insert(0, "The data is not the document's complete table, so no reported number gets a verdict.")
    for name, text in summaries(config).items():
        report.write_atomically(config.out / f"summary_{name}.txt", text)
    return report.write(content, config.out)


def make_rows(
    config: Config, loaded: Mapping[str, data.Dataset], records: Records, reported: Mapping[str, Any]
) -> list[report.Row]:
    """Every number of the document, then what it lacks."""
    is_complete = bool(loaded["table"].source["is_complete"])
    made = _data_rows(loaded["table"], records, reported, is_complete) + _summary_rows(config, reported)
    for where, found in records.items():
        is_main = where == "table/four"
        made += _model_rows(config, where, found, reported, is_complete=is_complete and is_main, is_main=is_main)
    if "table/four" in records:
        made += _epoch_rows(config, records["table/four"], reported, is_complete)
    return made


def _data_rows(
    dataset: data.Dataset, records: Records, reported: Mapping[str, Any], is_complete: bool
) -> list[report.Row]:
    def row(id: str, what: str, metric: str, stated: float | None, value: float) -> report.Row:
        # Counts are exact: no interval is needed to compare them.
        verdict = None
        if is_complete and stated is not None:
            verdict = report.REPRODUCED if abs(stated - value) < 1e-6 else report.NOT_REPRODUCED
        return report.Row(id, "Data", what, metric, stated, float(value), None, 1, verdict)

    genre = dataset.labels["genre"]
    made = [
        row("data.rows", "songs of the table", "count", reported["table"]["rows"], dataset.source["counts"]["rows"]),
        row("data.features", "engineered features", "count", reported["table"]["features"], len(FEATURES)),
    ]
    for name, stated in reported["genres"].items():
        made.append(row(f"data.genre.{name}", name, "songs", stated, int((genre == name).sum())))
    kept = np.isin(genre, list(reported["base_rates"]))
    made.append(row("data.kept", "songs of the four genres", "count", reported["table"]["kept"], int(kept.sum())))
    for name, stated in reported["base_rates"].items():
        share = float((genre[kept] == name).mean()) if kept.any() else 0.0
        made.append(row(f"data.base_rate.{name}", name, "share of the four genres", stated, round(share, 6)))
    if "table/four" in records:
        test = records["table/four"]["seeds"][0]["parts"].get("random", {}).get("test")
        if test is not None:
            made.append(row("data.test", "test part of the random split", "songs", reported["test_songs"], test))
    return made


def _summary_rows(config: Config, reported: Mapping[str, Any]) -> list[report.Row]:
    """Parameters of each layer at the document's sizes."""
    made = []
    for name, stated in reported["models"].items():
        counts = layer_counts(name)
        section = f"Model summary at the document's sizes: {_NAMES[name]}"
        for (layer, count), fresh in zip(stated["layers"], counts, strict=True):
            made.append(_count_row(f"summary.{name}.{layer}", section, layer, count, fresh))
        made.append(_count_row(f"summary.{name}.total", section, "all", stated["parameters"], sum(counts)))
    return made


def _count_row(id: str, section: str, what: str, stated: int, fresh: int) -> report.Row:
    verdict = report.REPRODUCED if stated == fresh else report.NOT_REPRODUCED
    return report.Row(id, section, what, "parameters", stated, fresh, None, 1, verdict, "whatever the data")


def layer_counts(model: str) -> list[int]:
    """Parameters of each layer in the document's order, at its sizes."""
    shapes = jax.eval_shape(document_module(model).init, jax.random.key(0), *_example(model))["params"]
    size = lambda tree: sum(x.size for x in jax.tree.leaves(tree))  # noqa: E731
    dense = [size(shapes[f"Dense_{i}"]) for i in range(sum(name.startswith("Dense") for name in shapes))]
    if model == "metadata":
        return dense
    embedding = shapes["tokens"]["embedding"].size
    if model == "lyrics":
        return [embedding, size(shapes["tokens"]) - embedding, *dense]
    return [*dense[1:4], embedding, dense[0], *dense[4:]]


def document_module(model: str) -> Any:
    """A model at the document's sizes: 30,522 token ids, 512 positions, four genres."""
    from genre_classification import Config

    return pipeline.make_module(Config(), model, pipeline.VARIANTS["paper"], 4, 30_522)


def _example(model: str) -> tuple[Any, ...]:
    tokens, lengths = jnp.zeros((8, 512), jnp.int32), jnp.full(8, 512)
    features = jnp.zeros((8, len(FEATURES)))
    return {"lyrics": (tokens, lengths), "metadata": (features,), "combined": (tokens, lengths, features)}[model]


def summaries(config: Config) -> dict[str, str]:
    """`linen.tabulate` of each model at the document's sizes."""
    options: Any = {"console_kwargs": {"force_terminal": False, "width": 140}}
    return {
        name: nn.tabulate(document_module(name), jax.random.key(0), **options)(*_example(name)) + "\n"
        for name in pipeline.MODELS
    }


def _model_rows(
    config: Config, where: str, found: Mapping[str, Any], reported: Mapping[str, Any], *, is_complete: bool,
    is_main: bool,
) -> list[report.Row]:  # fmt: skip
    made = []
    seeds, genres = found["seeds"], found["genres"]
    name, _, count = where.partition("/")
    place = f"{name}, {count} genres: {found['songs']:,} songs"
    for model in pipeline.MODELS:
        stated = reported["models"][model]
        for metric, title in _METRICS.items():
            is_stated = is_main and metric == "accuracy"
            made += _variants(
                seeds, model, f"{where}.{model}.{metric}", f"{_NAMES[model].capitalize()} ({place})", _NAMES[model],
                title, _score_lookup(metric), reported=stated["accuracy"] if is_stated else None,
                is_complete=is_complete,
                note=_interval(stated["accuracy"], reported["test_songs"]) if is_stated else "",
            )  # fmt: skip
        for number, genre in enumerate(genres):
            matches = is_main and number < 4 and genre == pipeline.GENRE_SETS["four"][number]
            made += _variants(
                seeds, model, f"{where}.{model}.class.{genre}", f"{_NAMES[model].capitalize()} ({place})",
                f"{_NAMES[model]}, {genre}", "accuracy of the class", _class_lookup(number),
                reported=stated["per_class"][number] if matches else None, is_complete=is_complete,
            )  # fmt: skip
    for split in config.baseline_splits:
        for baseline in seeds[0]["baselines"].get(split, {}):
            for metric in _BASELINE_METRICS:
                made.append(
                    report.make_row(
                        f"{where}.baseline.{baseline}.{metric}", column=f"{split} split",
                        section=f"Baselines that the document lacks ({place})", what=baseline,
                        metric=metric.replace("_", " "), reported=None, is_same_data=False,
                        fresh=[seed["baselines"][split][baseline][metric] for seed in seeds],
                    )
                )  # fmt: skip
    made += _comparison_rows(seeds, where, place, config.baseline_splits)
    return made


def _comparison_rows(
    seeds: Sequence[Mapping[str, Any]], where: str, place: str, splits: Sequence[str]
) -> list[report.Row]:
    """Each variant's model minus the best baseline that reads the same columns, seed by seed on the same split."""
    readable = {
        "lyrics": ("TF-IDF, logistic regression",),
        "metadata": ("scaled features, logistic regression",),
        "combined": ("features and TF-IDF SVD, gradient boosting", "TF-IDF, logistic regression",
                     "scaled features, logistic regression"),
    }  # fmt: skip
    made = []
    for name, by_model in seeds[0]["models"].items():
        split = pipeline.VARIANTS[name].split
        if split not in splits:
            continue
        for model in by_model:
            differences = [
                seed["models"][name][model]["accuracy"]
                - max(seed["baselines"][split][b]["accuracy"] for b in readable[model] if b in seed["baselines"][split])
                for seed in seeds
            ]
            made.append(
                report.make_row(
                    f"{where}.{model}.over_baseline", column=name,
                    section=f"Accuracy above the strongest baseline of the same columns ({place})",
                    what=_NAMES[model], metric="difference, same split", reported=None, fresh=differences,
                    is_same_data=False,
                )
            )  # fmt: skip
    return made


def _variants(
    seeds: Sequence[Mapping[str, Any]], model: str, base: str, section: str, what: str, metric: str,
    lookup: Callable[[Mapping[str, Any]], float | None], *, reported: float | None, is_complete: bool, note: str = "",
) -> list[report.Row]:  # fmt: skip
    made = []
    for name, by_model in seeds[0]["models"].items():
        if model not in by_model:
            continue
        values = [lookup(seed["models"][name][model]) for seed in seeds]
        if all(value is None for value in values):
            continue
        made.append(
            report.make_row(
                base, column=name, section=section, what=what, metric=metric, reported=reported,
                fresh=[np.nan if value is None else value for value in values],
                # Only the paper's own way on its own data can confirm a number.
                is_same_data=is_complete and name == "paper", note=note,
            )
        )  # fmt: skip
    return made


def _score_lookup(metric: str) -> Callable[[Mapping[str, Any]], float | None]:
    """A score of one model by its name."""

    def lookup(scores: Mapping[str, Any]) -> float | None:
        if metric == "best_test_accuracy":
            return None if "test_accuracy" not in scores["curves"] else max(scores["curves"]["test_accuracy"])
        if metric == "train_accuracy":
            return scores["curves"]["accuracy"][-1]
        return scores.get(metric)

    return lookup


def _class_lookup(number: int) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda scores: scores["per_class"][number]


def _interval(accuracy: float, n: int) -> str:
    low, high = wilson_interval(round(accuracy * n), n)
    return f"reported: one run; its 95 % Wilson interval is {low:.3f} to {high:.3f} (n = {n:,})"


def _epoch_rows(
    config: Config, found: Mapping[str, Any], reported: Mapping[str, Any], is_complete: bool
) -> list[report.Row]:
    """The document's accuracies of each epoch, under the paper's variant."""
    made = []
    for model, stated in reported["models"].items():
        for part, column in (("train", "accuracy"), ("test", "test_accuracy")):
            for epoch, value in enumerate(stated[f"{part}_accuracy"]):
                runs = [seed["models"].get("paper", {}).get(model) for seed in found["seeds"]]
                if any(run is None or epoch >= len(run["curves"][column]) for run in runs):
                    continue
                made.append(
                    report.make_row(
                        f"epoch.{model}.{part}.{epoch + 1:02d}", section=f"{_NAMES[model].capitalize()}: each epoch",
                        what=f"{part} accuracy, epoch {epoch + 1}", metric="accuracy", reported=value,
                        fresh=[run["curves"][column][epoch] for run in runs], is_same_data=is_complete,
                    )
                )  # fmt: skip
    return made


def _figures(config: Config, records: Records) -> list[tuple[str, str]]:
    made = []
    for where, found in records.items():
        name, _, count = where.partition("/")
        curves: dict[str, dict[str, np.ndarray]] = {}
        for model in pipeline.MODELS:
            runs = [seed["models"].get("paper", {}).get(model) for seed in found["seeds"]]
            if all(run is not None and "test_accuracy" in run["curves"] for run in runs):
                curves[_NAMES[model]] = {
                    "accuracy": np.array([run["curves"]["accuracy"] for run in runs]),
                    "valid_accuracy": np.array([run["curves"]["test_accuracy"] for run in runs]),
                }
        if curves:
            path = config.out / f"accuracy_{name.replace(' ', '_')}_{count}.png"
            figures.training_curves(curves, path=path, ylabel="accuracy", held_out="test", share=True)
            made.append((path.name, f"{name}, {count} genres, paper: accuracy of each epoch (dashed: test part)"))
    return made


def _notes(config: Config, records: Records) -> list[str]:
    notes = []
    for where, found in records.items():
        part = next(iter(found["seeds"][0]["parts"].values()))
        overlap = {split: p["artists on both sides"] for split, p in found["seeds"][0]["parts"].items()}
        notes.append(
            f"{where}: {part['train']:,} training and {part['test']:,} test songs, {part['padding']:.0%} of the "
            f"{config.max_length} positions padding, {part['truncated']} lyrics cut, vocabulary {part['vocabulary']:,} "
            f"(first seed); artists on both sides by split: {overlap}."
        )
        for model in found["seeds"][0]["models"].get("paper", {}):
            table = np.sum([s["models"]["paper"][model]["confusion"] for s in found["seeds"]], 0)
            rows = "; ".join(
                f"{genre} → {', '.join(map(str, row))}" for genre, row in zip(found["genres"], table, strict=True)
            )
            notes.append(f"{where}, {_NAMES[model]}, paper: confusion, true → predicted, all seeds summed: {rows}.")
    source = "a WordPiece vocabulary trained on each training part, not BERT's" if config.tokenizer is None else (
        f"the tokenizer {Path(config.tokenizer).name}"
    )  # fmt: skip
    return [f"Tokens: {source}.", *notes]


def _described(dataset: data.Dataset) -> dict[str, Any]:
    source = dataset.source
    genres = {genre: int((dataset.labels["genre"] == genre).sum()) for genre in GENRE_COUNTS}
    dropped = ", ".join(f"{reason}: {n}" for reason, n in source["dropped"].items()) or "none"
    path = str(source["path"])
    return {
        "name": source["name"], "file": path if is_url(path) else Path(path).name,
        "extent": source["extent"], **source["counts"], "dropped": dropped, **genres,
        "attribution": source["attribution"],
    }  # fmt: skip


def _settings(config: Config, preset: Config) -> dict[str, Any]:
    shown = {
        "seeds": config.seeds, "epochs": config.epochs, "batch size": config.batch_size, "optimizer":
        f"Adam {config.learning_rate:g}", "variants": " ".join(config.variant),
    }  # fmt: skip
    hidden = ("data", "out", "resume", "tokenizer", "variant")
    changed = {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if f.name not in hidden and getattr(config, f.name) != getattr(preset, f.name)
    }
    return {**shown, "differs from the preset": ", ".join(f"{k} {v}" for k, v in changed.items()) or "nothing"}


def _seconds(records: Records) -> dict[str, float]:
    """Training time of the paper's variant, all seeds."""
    return {
        f"training, paper, {where}, {model}": sum(s["models"]["paper"][model]["seconds"] for s in found["seeds"])
        for where, found in records.items()
        for model in found["seeds"][0]["models"].get("paper", {})
    }
