"""Genre classification reproduction: accuracy against the number of training songs, nets beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import genre_classification_pipeline as pipeline
import jax
import numpy as np
from genre_classification_baselines import baselines

from jaxmusic import figures, report
from jaxmusic.data.preprocessing import fit_standardizer

if TYPE_CHECKING:
    from genre_classification import Config

SHARES = (0.125, 0.25, 0.5, 1.0)
# All repairs, and metadata layers that more songs could fill.
VARIANT = "repaired_wide"
Curve = Mapping[str, Mapping[str, float]]


def learning_curve(config: Config, corpus: pipeline.Corpus, seed: int) -> dict[str, dict[str, float]]:
    """Training songs → model or baseline → accuracy, always on the same test part (JSON).

    Where no tokenizer is given, the vocabulary of all sizes is that of the whole training part.
    """
    key = jax.random.fold_in(jax.random.key(1), seed)
    part = pipeline.part_of(config, corpus, "stratified", jax.random.fold_in(key, 0))
    order = np.random.default_rng(seed).permutation(part.train)
    labels = corpus.labels[part.test]
    found = {}
    for share in SHARES:
        rows = order[: max(2, round(share * len(order)))]
        smaller = part._replace(train=rows, scaled=fit_standardizer(part.features[rows])(part.features))
        accuracies = {name: scores["accuracy"] for name, scores in baselines(corpus, smaller, seed).items()}
        for number, model in enumerate(pipeline.MODELS):
            if model in corpus.models:
                fitted = pipeline.fit(config, corpus, smaller, model, VARIANT, jax.random.fold_in(key, 1 + number))
                accuracies[f"{model} model"] = float((fitted.probabilities.argmax(1) == labels).mean())
        found[str(len(rows))] = accuracies
    return found


def moments(curves: Sequence[Curve], name: str) -> tuple[list[int], np.ndarray]:
    """Training songs, and `[seeds, sizes]` accuracies of one model."""
    sizes = sorted({int(size) for size in curves[0]})
    return sizes, np.array([[curve[str(size)][name] for size in sizes] for curve in curves])


def make_rows(curves: Mapping[str, Sequence[Curve]]) -> list[report.Row]:
    """A row for each size and model of each corpus."""
    return [
        report.make_row(
            f"curve.{where}.{size}.{name}",
            section=f"Experiment: accuracy against the number of training songs ({where}, {VARIANT}, stratified split)",
            what=f"{size} training songs, {name}", metric="accuracy", reported=None, fresh=values[:, i].tolist(),
            is_same_data=False,
        )
        for where, of_seeds in curves.items()
        for name in next(iter(of_seeds[0].values()))
        for sizes, values in [moments(of_seeds, name)]
        for i, size in enumerate(sizes)
    ]  # fmt: skip


def draw(config: Config, curves: Mapping[str, Sequence[Curve]]) -> list[tuple[str, str]]:
    """A figure of each corpus: file name and caption."""
    made = []
    for where, of_seeds in curves.items():
        lines: dict[str, tuple[list[float], list[float]]] = {}
        sizes: list[int] = []
        for name in next(iter(of_seeds[0].values())):
            sizes, values = moments(of_seeds, name)
            lines[name.replace("features and TF-IDF SVD", "both")] = (values.mean(0).tolist(), _deviation(values))
        majority, _ = lines.pop("majority")
        path = config.out / f"curve_{where.split('/')[0].replace(' ', '_')}.png"
        figures.learning_curve(
            sizes, lines, float(majority[-1]), path=path, xlabel="training songs", ylabel="test accuracy",
            title=f"{where.split('/')[0].capitalize()}, four genres", level="majority",
        )  # fmt: skip
        made.append((path.name, f"{where}: test accuracy against training songs, {VARIANT}, {len(of_seeds)} seeds"))
    return made


def notes(curves: Mapping[str, Sequence[Curve]]) -> list[str]:
    """What each model gains by twice as many songs."""
    made = []
    for where, of_seeds in curves.items():
        sizes: list[int] = []
        parts: list[str] = []
        for name in next(iter(of_seeds[0].values())):
            if name != "majority":
                sizes, values = moments(of_seeds, name)
                slope, _ = np.polyfit(np.log2(sizes), values.mean(0), 1)
                last = values[:, -1] - values[:, -2]
                parts.append(f"{name} {slope:+.3f}, the last time {last.mean():+.3f}")
        made.append(
            f"{where}: what twice as many training songs add to the test accuracy, on average from {sizes[0]:,} to "
            f"{sizes[-1]:,}: {'; '.join(parts)}."
        )
    return made


def _deviation(values: np.ndarray) -> list[float]:
    return (values.std(0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])).tolist()
