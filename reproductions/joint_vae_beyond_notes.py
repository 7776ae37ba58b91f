"""Beyond the Joint VAE document: what was done, and sentences that carry a figure of this run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import joint_vae_beyond_figures as drawings
import joint_vae_beyond_outputs as outputs
import numpy as np
from joint_vae_beyond_variants import is_choosable

if TYPE_CHECKING:
    from joint_vae_beyond import Config

NOTES = [
    "Protocol: folds that share no artist (song); seed i tests on fold i, validates on fold i + 1 and fits on "
    "the rest, so the test parts of all seeds are disjoint and every query is scored once by every model. Scalers, "
    "principal components, TF-IDF and models are fitted on the training part; the sentence encoder is frozen.",
    "Intervals are 95 % bootstraps over artists (songs), 2,000 draws, of the queries of all seeds together; ± is the "
    "standard deviation over seeds. A seed changes split and initialisation at once.",
    "`chosen by validation` is, for each seed, the variant with the highest validation score of that seed, scored on "
    "the test part of that seed. All other test rows are the ablation and chose nothing.",
    "`linear CCA, document's inputs` sees what the document's models see in small: mean and deviation of every mel "
    "band, TF-IDF on 64 components, ridge 0.1. `linear CCA` and `kernel CCA` see the base's inputs, ridge and "
    "bandwidth chosen on the validation part. The difference between the two linear ones is what the inputs are worth.",
    "`labels` variants see the training part's genres; so does the supervised CNN. All else is trained without labels.",
    "Clusters are K-means with as many clusters as the test part has classes.",
]


def make(config: Config, records: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[str]:
    """All notes."""
    lines = list(NOTES)
    tried = [name for name in outputs.names(records) if is_variant(records, name) and is_choosable(name)]
    lines.append(
        f"Search budget: {len(tried)} variants with alignment, one run each on each of {len(records)} seeds, "
        "chosen by the mean reciprocal rank of both directions on the validation part. For the CCAs: "
        "the ridges and bandwidths named in joint_vae_beyond_references.py."
    )
    choices = Counter(r["models"][outputs.CHOSEN]["choice"] for r in records if outputs.CHOSEN in r["models"])
    if choices:
        lines.append("Chosen: " + ", ".join(f"{name} ({count})" for name, count in choices.most_common()) + ".")
        lines += [_verdict(records, other) for other in outputs.AGAINST]
    left_out = dict.fromkeys((name, reason) for record in records for name, reason in record["skipped"].items())
    lines += [f"Variant `{name}` is not in the tables: {reason}." for name, reason in left_out]
    lines += [_extrapolation(found["pairs"], key, title) for key, title in drawings.CURVES.items()]
    broken = [p for p in found["missing"] if not p["finite"]]
    lines.append(
        f"With lyrics dropped up to 100 %, {len(broken)} of {len(found['missing'])} models have a latent that is not "
        "finite."
    )
    return lines


def is_variant(records: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a model is a variant, not a reference nor the choice among variants."""
    return name != outputs.CHOSEN and not records[0]["models"][name].get("is_reference")


def _verdict(records: Sequence[Mapping[str, Any]], other: str) -> str:
    """Whether the chosen model's intervals lie above another's, in all four scores."""
    parts, above, below = [], True, True
    for (metric, direction), title in outputs.TITLES.items():
        a = outputs.interval(records, outputs.CHOSEN, direction, metric)
        b = outputs.interval(records, other, direction, metric)
        assert a is not None
        assert b is not None
        above &= a.low > b.high
        below &= a.high < b.low
        parts.append(
            f"{title} {a.mean:.3f} ({a.low:.3f} to {a.high:.3f}) against {b.mean:.3f} ({b.low:.3f} to {b.high:.3f})"
        )
    how = "the intervals overlap in some of the four scores"
    if above or below:
        how = f"{'above' if above else 'below'} in all four scores, no interval overlapping"
    return f"The chosen variant and {other}: {'; '.join(parts)}: {how}."


def _extrapolation(points: Sequence[Mapping[str, Any]], key: str, title: str) -> str:
    """Recall@10 as a line in the logarithm of the pairs, and where it reaches a half."""
    sizes = np.log2([p["pairs"] for p in points])
    values = np.array([p[key] for p in points])
    slope, start = np.polyfit(sizes, values, 1)
    by_seed = [np.polyfit(sizes[rows], values[rows], 1)[0] for rows in _rows_by_seed(points)]
    spread = f" (seeds {min(by_seed):+.3f} to {max(by_seed):+.3f})" if len(by_seed) > 1 else ""
    line = f"Learning curve, {title}: recall@10 changes by {slope:+.3f} with each doubling of the pairs{spread}"
    if min(by_seed) <= 0:
        return f"{line}: no rise that all seeds share, and nothing to extrapolate."
    half = 2 ** ((0.5 - start) / slope)
    where = "beyond ten million pairs" if half > 1e7 else f"at about {float(f'{half:.2g}'):,.0f} pairs"
    return f"{line}; drawn on, the line reaches .5 {where}, outside what was measured."


def _rows_by_seed(points: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
    seeds = np.array([p["seed"] for p in points])
    return [np.flatnonzero(seeds == seed) for seed in np.unique(seeds)]
