"""Genre classification: the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from records import moments, select

from documents.genre_classification.rows import NAMES
from jaxmusic import figures


def draw_epochs(out: Path, where: str, by_seed: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Accuracy of each epoch of the paper's variant on one corpus: file name and caption, where there is one."""
    name, _, count = where.partition("/")
    curves = {
        NAMES[model]: {
            shown: np.array([seed[model][column] for seed in by_seed])
            for shown, column in (("accuracy", "accuracy"), ("valid_accuracy", "test_accuracy"))
        }
        for model in (by_seed[0] if by_seed else ())
    }
    if not curves:
        return []
    path = out / f"accuracy_{name.replace(' ', '_')}_{count}.png"
    figures.training_curves(curves, path=path, ylabel="accuracy", held_out="test", share=True)
    return [(path.name, f"{name}, {count} genres, paper: accuracy of each epoch (dashed: test part)")]


def draw_curve(out: Path, where: str, curve: pd.DataFrame) -> tuple[str, str]:
    """Accuracy by the number of training songs on one corpus: file name and caption."""
    sizes = sorted(set(curve["size"]))
    lines = {}
    for model in dict.fromkeys(curve["model"]):
        at = [moments(select(curve, model=model, size=size)["value"]) for size in sizes]
        lines[model.replace("features and TF-IDF SVD", "both")] = [mean for mean, _ in at], [sd for _, sd in at]
    majority, _ = lines.pop("majority")
    corpus = where.partition("/")[0]
    path = out / f"curve_{corpus.replace(' ', '_')}.png"
    figures.learning_curve(
        sizes,
        lines,
        majority[-1],
        path=path,
        xlabel="training songs",
        ylabel="test accuracy",
        title=f"{corpus.capitalize()}, four genres",
        level="majority",
    )
    seeds = curve["seed"].nunique()
    return path.name, f"{where}: test accuracy against training songs, {seeds} seeds"
