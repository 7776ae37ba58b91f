"""How well single latents stand for single factors: MIG, SAP, DCI; and whether two variables are independent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64, of_size_one, whole

__all__ = ["IndependenceTest", "disentanglement_scores", "mutual_information_gap", "permutation_test"]

# Source: Chen et al. (2018) and Locatello et al. (2019), appendix C, take 20 bins.
_BINS = 20


def disentanglement_scores(
    codes: Float[np.ndarray, "n latent"], factors: Mapping[str, np.ndarray], *, bins: int = _BINS, seed: int = 0
) -> dict[str, float]:
    """Mutual information gap, separated attribute predictability, and the three parts of DCI.

    Args:
        codes: `[n, latent]`, such as posterior means; two columns at least.
        factors: name → `[n]` true factor, of classes (str, bool) or numbers; a constant one is left out.
        bins: bins of equal width that codes, and numbers among the factors, are cut into for mutual information.
        seed: of DCI's forests and of SAP's split.

    Returns:
        `mig` (Chen et al. 2018, eq. 6): the gap between the two codes that know most of a factor, over its entropy,
        mean over factors; `mig/<factor>`; `sap` (Kumar et al. 2018, §3): the gap between the two best single-code
        predictions of a factor, R² of a line for numbers and balanced accuracy of logistic regression for
        classes; `disentanglement`, `completeness`, `informativeness` (Eastwood and Williams 2018) by random forests,
        the last as the out-of-bag score. All lie between 0 and 1, save informativeness, which may be negative.

    Raises:
        ValueError: fewer than two codes, factors of another length, NaN, or no factor that varies.
    """
    codes, varying = _checked(codes, factors)
    gaps = _mutual_information_gaps(codes, varying, bins)
    return {
        "mig": float(np.mean(list(gaps.values()))),
        **{f"mig/{name}": gap for name, gap in gaps.items()},
        "sap": float(np.mean([_predictability_gap(codes, factor) for factor in varying.values()])),
        **_dci(codes, varying, seed),
    }


def mutual_information_gap(
    codes: Float[np.ndarray, "n latent"], factors: Mapping[str, np.ndarray], *, bins: int = _BINS
) -> float:
    """`mig` of `disentanglement_scores` alone, which takes no forests and no classifiers.

    Args:
        codes: see `disentanglement_scores`.
        factors: see `disentanglement_scores`.
        bins: see `disentanglement_scores`.

    Returns:
        The mean over the factors, 0 to 1.

    Raises:
        ValueError: as `disentanglement_scores`.
    """
    codes, varying = _checked(codes, factors)
    return float(np.mean(list(_mutual_information_gaps(codes, varying, bins).values())))


def _checked(codes: np.ndarray, factors: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    codes = float64(codes, "codes")
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(f"codes have shape {codes.shape}: a gap needs [n, latent] with two latents at least")
    if not np.isfinite(codes).all():
        raise ValueError("codes hold NaN or infinite values")
    varying = {name: np.asarray(factor) for name, factor in factors.items() if len(np.unique(factor)) > 1}
    if not varying:
        raise ValueError(f"none of the factors varies: {sorted(factors)}")
    for name, factor in varying.items():
        if len(factor) != len(codes):
            raise ValueError(f"factor {name!r} has {len(factor)} values for {len(codes)} codes")
    return codes, varying


def _mutual_information_gaps(codes: np.ndarray, factors: Mapping[str, np.ndarray], bins: int) -> dict[str, float]:
    from sklearn.metrics import mutual_info_score

    bins = whole(bins, "bins")
    binned = [_binned(code, bins) for code in codes.T]
    gaps = {}
    for name, factor in factors.items():
        classes = _classes(factor, bins)
        first, second = sorted((mutual_info_score(classes, code) for code in binned), reverse=True)[:2]
        gaps[name] = float((first - second) / mutual_info_score(classes, classes))
    return gaps


def _predictability_gap(codes: np.ndarray, factor: np.ndarray) -> float:
    """Kumar et al. (2018): the difference of the two best scores that single codes reach."""
    if _is_number(factor):
        scores = [np.corrcoef(code, factor)[0, 1] ** 2 if np.ptp(code) > 0 else 0.0 for code in codes.T]
    else:
        scores = [_single_code_accuracy(code, factor) for code in codes.T]
    first, second = sorted(scores, reverse=True)[:2]
    return float(first - second)


def _single_code_accuracy(code: np.ndarray, factor: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    if np.ptp(code) == 0:
        return 1 / len(np.unique(factor))
    x = ((code - code.mean()) / code.std())[:, None]
    found = LogisticRegression(class_weight="balanced", max_iter=200).fit(x, factor).predict(x)
    return float(balanced_accuracy_score(factor, found))


def _dci(codes: np.ndarray, factors: Mapping[str, np.ndarray], seed: int) -> dict[str, float]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    # Forests take what differs by less than a fixed amount for equal.
    codes = of_size_one(codes.T, axis=1).T
    importances, scores = [], []
    for factor in factors.values():
        kind = RandomForestRegressor if _is_number(factor) else RandomForestClassifier
        if _is_number(factor):
            factor = of_size_one(factor.astype(np.float64)[None])[0]
        forest = kind(n_estimators=100, oob_score=True, min_samples_leaf=3, random_state=seed).fit(codes, factor)
        importances.append(forest.feature_importances_)
        scores.append(forest.oob_score_)
    # [latent, factor]; a code that no forest uses weighs nothing.
    weights = np.array(importances).T
    per_code = weights.sum(1) / max(weights.sum(), 1e-12)
    disentanglement = 1 - _entropy(weights, axis=1, base=weights.shape[1])
    completeness = 1 - _entropy(weights, axis=0, base=weights.shape[0])
    return {
        "disentanglement": float((per_code * disentanglement).sum()),
        "completeness": float(completeness.mean()),
        "informativeness": float(np.mean(scores)),
    }


def _entropy(weights: np.ndarray, *, axis: int, base: int) -> np.ndarray:
    """Entropy along `axis` of weights normalised along it, in units of its maximum."""
    if base < 2:
        return np.zeros(weights.shape[1 - axis])
    shares = weights / np.maximum(weights.sum(axis, keepdims=True), 1e-12)
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return -(shares * logs).sum(axis) / np.log(base)


def _is_number(factor: np.ndarray) -> bool:
    return np.issubdtype(np.asarray(factor).dtype, np.number)


def _binned(values: np.ndarray, bins: int) -> np.ndarray:
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros(len(values), int)
    return np.minimum(((values - low) / (high - low) * bins).astype(int), bins - 1)


def _classes(factor: np.ndarray, bins: int) -> np.ndarray:
    values, codes = np.unique(factor, return_inverse=True)
    return _binned(factor.astype(np.float64), bins) if _is_number(factor) and len(values) > bins else codes


class IndependenceTest(NamedTuple):
    """Result of `permutation_test`.

    Attributes:
        mutual_information: in nats.
        expected: its mean over permutations, which is what chance gives.
        p_value: share of permutations, the observed order counted among them, with at least as much.
    """

    mutual_information: float
    expected: float
    p_value: float


def permutation_test(a: np.ndarray, b: np.ndarray, *, seed: int = 0, permutations: int = 999) -> IndependenceTest:
    """Do two variables of classes share more information than chance gives?

    Args:
        a: `[n]` classes.
        b: `[n]` classes.
        seed: of the permutations.
        permutations: of `a`; the smallest p-value is 1 / (permutations + 1).

    Returns:
        `IndependenceTest`.

    Raises:
        ValueError: of different lengths, or empty.

    Source: Phipson and Smyth (2010), for the p-value that is never 0.

    >>> a = np.array(["x", "y"] * 50)
    >>> permutation_test(a, a, seed=0).p_value
    0.001
    """
    a, b = np.asarray(a), np.asarray(b)
    for name, x in (("a", a), ("b", b)):
        if x.ndim != 1 or x.dtype.kind not in "biufUS":
            raise ValueError(f"{name} must be classes [n], got {x.dtype} of shape {x.shape}")
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    if len(a) != len(b) or not len(a):
        raise ValueError(f"the variables have {len(a)} and {len(b)} values")
    permutations, rng = whole(permutations, "permutations"), np.random.default_rng(seed)
    observed = _mutual_information(a, b)
    drawn = np.array([_mutual_information(rng.permutation(a), b) for _ in range(permutations)])
    # A permutation that gives the same table must count as equal, whatever the order of its sum.
    at_least = (drawn >= observed - 1e-12).sum() + 1
    return IndependenceTest(observed, float(drawn.mean()), float(at_least / (permutations + 1)))


def _mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    joint = table / len(a)
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / independent[some])).sum())
