"""Beyond the Joint VAE document: the sentences of `notes.md` that carry a figure of this run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from records import select

from documents.joint_vae_beyond import rows
from documents.joint_vae_beyond.variants import is_choosable


def measured(seeds: rows.Seeds, experiments: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Name in `notes.md` → sentences."""
    tried = [name for name in rows.names(seeds) if _is_variant(seeds, name) and is_choosable(name)]
    choices = Counter(s["models"][rows.CHOSEN]["choice"] for s in seeds if rows.CHOSEN in s["models"])
    chosen = []
    if choices:
        chosen = ["Chosen: " + ", ".join(f"{name} ({count})" for name, count in choices.most_common()) + "."]
        chosen += [_verdict(seeds, other) for other in rows.AGAINST]
    left_out = dict.fromkeys((name, reason) for seed in seeds for name, reason in seed["skipped"].items())
    finite = select(experiments["missing"], metric="finite")["value"]
    return {
        "search": f"Search budget: {len(tried)} variants with alignment, one run each on each of {len(seeds)} seeds, "
        "chosen by the mean reciprocal rank of both directions on the validation part. For the CCAs: the ridges and "
        "bandwidths named in documents/joint_vae_beyond/references.py.",
        "chosen": chosen,
        "left_out": [f"Variant `{name}` is not in the tables: {reason}." for name, reason in left_out],
        "learning_curves": [_extrapolation(experiments["pairs"], key, title) for key, title in rows.CURVES.items()],
        "missing": f"With lyrics dropped up to 100 %, {(finite == 0).sum()} of {len(finite)} models have a latent that "
        "is not finite.",
    }


def _is_variant(seeds: rows.Seeds, name: str) -> bool:
    """Whether a model is a variant, not a reference nor the choice among variants."""
    return name != rows.CHOSEN and not seeds[0]["models"][name].get("is_reference")


def _verdict(seeds: rows.Seeds, other: str) -> str:
    """Whether the chosen model's intervals lie above another's, in all four scores."""
    parts, above, below = [], True, True
    for (metric, direction), title in rows.TITLES.items():
        a = rows.interval(seeds, rows.CHOSEN, direction, metric)
        b = rows.interval(seeds, other, direction, metric)
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


def _extrapolation(points: pd.DataFrame, key: str, title: str) -> str:
    """Recall@10 as a line in the logarithm of the pairs, and where it reaches a half."""
    wide = points.pivot(index=["seed", "size"], columns="metric", values="value")
    sizes, values = np.log2(wide["pairs"].to_numpy()), wide[key].to_numpy()
    slope, start = np.polyfit(sizes, values, 1)
    seeds = wide.index.get_level_values("seed")
    by_seed = [np.polyfit(sizes[seeds == seed], values[seeds == seed], 1)[0] for seed in seeds.unique()]
    spread = f" (seeds {min(by_seed):+.3f} to {max(by_seed):+.3f})" if len(by_seed) > 1 else ""
    line = f"Learning curve, {title}: recall@10 changes by {slope:+.3f} with each doubling of the pairs{spread}"
    if min(by_seed) <= 0:
        return f"{line}: no rise that all seeds share, and nothing to extrapolate."
    half = 2 ** ((0.5 - start) / slope)
    where = "beyond ten million pairs" if half > 1e7 else f"at about {float(f'{half:.2g}'):,.0f} pairs"
    return f"{line}; drawn on, the line reaches .5 {where}, outside what was measured."
