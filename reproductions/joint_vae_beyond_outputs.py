"""Beyond the Joint VAE document: records of all seeds → rows, notes, figures and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joint_vae_beyond_figures as drawings
import joint_vae_beyond_notes as notes
import numpy as np
import runs
from joint_vae_beyond_scores import DIRECTIONS, METRICS
from joint_vae_beyond_variants import BASE, is_choosable
from joint_vae_beyond_views import Prepared, resolved

from jaxmusic import evaluation, report

if TYPE_CHECKING:
    from joint_vae_beyond import Config

FILES = ("work", "*.png", "report.*")
CHOSEN = "chosen by validation"
AGAINST = ("linear CCA, document's inputs", "linear CCA")
TITLES = {
    ("recall@10", "lyrics_to_audio"): "R@10 lyrics → audio",
    ("recall@10", "audio_to_lyrics"): "R@10 audio → lyrics",
    ("mrr", "lyrics_to_audio"): "MRR lyrics → audio",
    ("mrr", "audio_to_lyrics"): "MRR audio → lyrics",
}
Records = Sequence[Mapping[str, Any]]


def with_chosen(records: Records) -> list[dict[str, Any]]:
    """Records with each seed's best variant by validation under a name of its own."""
    found = []
    for record in records:
        candidates = {
            name: scored["valid"]
            for name, scored in record["models"].items()
            if not scored.get("is_reference") and is_choosable(name)
        }
        models = dict(record["models"])
        if candidates:
            best = max(candidates, key=lambda name: candidates[name])
            models[CHOSEN] = {**models[best], "choice": best}
        found.append({**record, "models": models})
    return found


def names(records: Records) -> list[str]:
    """Models of all seeds, the chosen one first, then references, then variants."""
    known = dict.fromkeys(name for record in records for name in record["models"])
    is_reference = {name: any(r["models"].get(name, {}).get("is_reference") for r in records) for name in known}
    order = sorted(known, key=lambda name: (name != CHOSEN, not is_reference[name]))
    return [name for name in order if all(name in record["models"] for record in records)]


def queries(records: Records, name: str, direction: str, metric: str) -> np.ndarray | None:
    """Values of all seeds' test queries; None for a model that aligns nothing."""
    found = [record["models"][name].get("test") for record in records]
    if any(test is None for test in found):
        return None
    return np.concatenate([np.asarray(test[direction][metric]) for test in found])


def groups(records: Records) -> np.ndarray:
    """Artist (song) of every test query, as `queries` has them."""
    return np.concatenate([np.asarray(record["groups"]) for record in records])


def interval(records: Records, name: str, direction: str, metric: str) -> evaluation.Interval | None:
    """Mean over all test queries, with the 95 % interval of a bootstrap by artist."""
    values = queries(records, name, direction, metric)
    return None if values is None else evaluation.bootstrap_interval(values, groups=groups(records), seed=0)


def difference(records: Records, name: str, other: str, metric: str) -> evaluation.Interval | None:
    """`name` minus `other` on the same queries, mean of both directions, with its 95 % interval."""
    pairs = [(queries(records, name, d, metric), queries(records, other, d, metric)) for d in DIRECTIONS]
    if any(a is None or b is None for a, b in pairs):
        return None
    values = np.mean([a - b for a, b in pairs if a is not None and b is not None], axis=0)
    return evaluation.bootstrap_interval(values, groups=groups(records), seed=0)


def chance(records: Records, metric: str) -> float:
    """Expectation of a random order, weighted over the seeds' test parts."""
    sizes = np.array([record["sizes"]["test pairs"] for record in records], np.float64)
    each = [min(10, n) / n if metric == "recall@10" else float(np.sum(1 / np.arange(1, n + 1)) / n) for n in sizes]
    return float(np.average(each, weights=sizes))


def make_rows(config: Config, records: Records, found: Mapping[str, Any]) -> list[report.Row]:
    """Everything that was measured, one row a model and one column a metric."""
    rows: list[report.Row] = []

    def add(
        section: str, what: str, base: str, metric: str, values: Sequence[float], *, kind: str, note: str = ""
    ) -> None:
        rows.append(
            report.make_row(
                base, column=metric, section=section, what=what, metric=kind, reported=None, fresh=values,
                is_same_data=False, note=note,
            )
        )  # fmt: skip

    section = "Retrieval on the test parts"
    for (metric, _), title in TITLES.items():
        values = [chance([record], metric) for record in records]
        add(section, "chance", "retrieval.chance", title, values, kind="retrieval")
    for name in names(records):
        for (metric, direction), title in TITLES.items():
            spread = interval(records, name, direction, metric)
            if spread is not None:
                values = [float(np.mean(r["models"][name]["test"][direction][metric])) for r in records]
                note = f"95 % {spread.low:.3f} to {spread.high:.3f}"
                add(section, name, f"retrieval.{name}", title, values, kind="retrieval", note=note)
    section = "Paired differences on the same test queries, mean of both directions"
    for name in names(records):
        for other in AGAINST:
            for metric in METRICS:
                gap = difference(records, name, other, metric) if name != other else None
                if gap is None:
                    continue
                values = [
                    np.mean([np.mean(r["models"][name]["test"][d][metric]) for d in DIRECTIONS])
                    - np.mean([np.mean(r["models"][other]["test"][d][metric]) for d in DIRECTIONS])
                    for r in records
                ]
                title = f"{'R@10' if metric == 'recall@10' else 'MRR'} − {other}"
                note = f"95 % {gap.low:+.3f} to {gap.high:+.3f}"
                add(section, name, f"difference.{name}", title, values, kind="difference", note=note)
    _add_spaces(add, config, records)
    section = "Search: validation score (mean MRR of both directions)"
    for name in names(records):
        values = [r["models"][name].get("valid", np.nan) for r in records]
        if np.isfinite(values).all() and name != CHOSEN:
            picks = sum(r["models"].get(CHOSEN, {}).get("choice") == name for r in records)
            note = f"chosen in {picks} of {len(records)} seeds" if picks else ""
            add(section, name, f"validation.{name}", "MRR", values, kind="validation", note=note)
    _add_experiments(add, found)
    return rows


def _add_spaces(add: Any, config: Config, records: Records) -> None:
    section = "Latent spaces on the test parts: K-means against labels, linear probe"
    for name in names(records):
        scored = [record["models"][name] for record in records]
        for label in config.labels:
            for kind, key, title in (
                ("clusters", "normalized_mutual_information", "NMI"),
                ("clusters", "adjusted_rand", "ARI"),
                ("probe", "accuracy", "probe"),
            ):
                values = [s.get(kind, {}).get(label, {}).get(key, np.nan) for s in scored]
                if np.isfinite(values).any():
                    add(section, name, f"space.{name}", f"{label} {title}", values, kind="clusters, probe")
        active = [s.get("health", {}).get("active_units", np.nan) for s in scored]
        if np.isfinite(active).all():
            add(section, name, f"space.{name}", "active units", active, kind="clusters, probe")


def _add_experiments(add: Any, found: Mapping[str, Any]) -> None:
    section = "Recall@10 (mean of both directions) against the number of training pairs"
    for size, points in drawings.by_size(found["pairs"]).items():
        for key, title in drawings.CURVES.items():
            add(section, f"{size} pairs", f"pairs.{size}", title, [p[key] for p in points], kind="recall@10")
    section = "Lyrics dropped, base with each fusion"
    shares = sorted({p["share"] for p in found["missing"]})
    for share in shares:
        for fusion in dict.fromkeys(p["fusion"] for p in found["missing"]):
            points = [p for p in found["missing"] if p["share"] == share and p["fusion"] == fusion]
            what = f"{share:.0%} of the lyrics dropped"
            add(section, what, f"missing.{share:g}", f"R@10 {fusion}", [p["recall@10"] for p in points], kind="both")
            nmi = drawings.genre_nmi(points)
            if np.isfinite(nmi).any():
                add(section, what, f"missing.{share:g}", f"genre NMI {fusion}", nmi, kind="both")


def write(
    config: Config,
    preset: Config,
    prepared: Prepared,
    records: Records,
    found: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Figures and report; returns the path of `report.md`."""
    records = with_chosen(records)
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    sizes = {f"seed {i}": record["sizes"] for i, record in enumerate(records)}
    seconds = {
        f"{name}, all seeds": float(sum(record["models"][name]["seconds"] for record in records))
        for name in names(records)
        if name != CHOSEN and "seconds" in records[0]["models"][name]
    }
    result = report.Report(
        document="Beyond “Hybrid Multimodal Music Clustering via Joint VAE” (2026)",
        preset=config.preset,
        data=source | {"clips of a seed": sizes, "sentence encoder": prepared.encoder},
        environment=report.environment(),
        settings={
            "seeds": f"{config.seeds} of {config.folds} folds: fold i tests, fold i + 1 validates",
            "base": f"{resolved(prepared, 'base')} lyrics; audio statistics and dynamics on "
            f"{config.audio_dim} principal components; product of experts; squared error summed; InfoNCE (weight "
            f"{BASE.alignment_weight:g}, temperature {BASE.temperature:g}); {config.epochs} epochs, "
            f"batch {config.batch}, AdamW {config.learning_rate:g}, dropout {config.dropout:g}",
            "further lyrics": len(prepared.more_lyrics),
            "changed from the preset": runs.settings_changed(config, preset),
        },
        rows=make_rows(config, records, found),
        notes=notes.make(config, records, found),
        timing={**timing, **seconds},
        figures=drawings.draw(config, records, found),
    )
    return report.write(result, config.out)
