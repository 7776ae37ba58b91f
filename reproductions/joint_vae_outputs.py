"""Joint VAE reproduction: records of all seeds → report, tables, figures and the document's files."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joint_vae_figures as drawings
import joint_vae_scores as scores
import numpy as np
import pandas as pd
from joint_vae_notes import NOTES
from joint_vae_pipeline import VARIANTS, Fitted, Part, Prepared, Variant, joint_module

from jaxmusic import report

if TYPE_CHECKING:
    from joint_vae import Config

REPORTED = Path(__file__).parent / "reported" / "joint_vae.toml"
_NAMES = {
    "fc": "FC-VAE latents",
    "conv": "ConvVAE audio latents",
    "hybrid": "hybrid space",
    "joint": "JointVAE latents",
    "pca": "PCA of the mels",
}
_METHODS = {
    "kmeans": "K-means",
    "kmeans_random": "K-means, random start",
    "agglomerative": "Ward",
    "spectral": "spectral",
}
_METRICS = {"silhouette": "silhouette", "davies_bouldin": "Davies-Bouldin", "calinski_harabasz": "Calinski-Harabasz"}
# The document's names of its metric tables, by representation.
_TABLES = {
    "fc": "fc_vae_clustering_metrics.csv",
    "conv": "convvae_clustering_metrics.csv",
    "hybrid": "convvae_clustering_metrics.csv",
    "pca": "convvae_clustering_metrics.csv",
    "joint": "hard_joint_clustering_metrics.csv",
}
Records = Sequence[Mapping[str, Any]]
Lookup = Callable[[Mapping[str, Any]], float]


def save_arrays(
    config: Config,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    name: str,
    fc: Fitted,
    conv: Fitted,
    joint: Fitted,
) -> None:
    """The first seed's latents and examples of one variant, for the figures and the document's files."""
    both = prepared.dataset.masks["audio"] & part.has_lyrics
    pairs = part.score[both[part.score]][:3]
    module = joint_module(config, prepared, variant)
    examples = drawings.examples(config, prepared, part, variant, fc, conv, joint, pairs)
    words = part.encoder.decode(part.lyrics[pairs], n_terms=8, standardized=True)
    rebuilt = part.encoder.decode(examples.pop("lyrics"), n_terms=8, standardized=True)
    table = [
        {"id": prepared.dataset.ids[row], "words": _words(a), "reconstructed": _words(b)}
        for row, a, b in zip(pairs, words, rebuilt, strict=True)
    ]
    folder = config.out / "work" / name
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(folder / "lyrics_reconstructions.csv", index=False)
    arrays: dict[str, Any] = {
        "ids": prepared.dataset.ids.astype(str),
        "score": part.score,
        "Z_fc": fc.mean,
        "Z_audio": conv.mean,
        "Z_hybrid": scores.hybrid_space(part, conv, both),
        "Z_joint": joint.mean,
        "Z_pca": scores.pca_of_spectrograms(prepared, part)[0],
        "explained_variance": part.encoder.explained_variance_ratio,
        "has_lyrics": part.has_lyrics,
        "interpolation": drawings.interpolated(module, joint, pairs),
        **examples,
    }
    np.savez_compressed(folder / "arrays.npz", **arrays)


def _words(terms: list[tuple[str, float]]) -> str:
    return " ".join(word for word, _ in terms)


def drop_checkpoints(folder: Path, seed: int) -> None:
    """Delete a finished seed's models, but the first's."""
    if seed:
        for path in folder.glob(f"*_final/*/seed_{seed}"):
            shutil.rmtree(path)


def write(
    config: Config,
    prepared: Prepared,
    records: Records,
    experiments: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Tables, the document's files, figures and the report; returns the path of `report.md`."""
    reported = tomllib.loads(REPORTED.read_text())
    write_tables(config, records)
    write_arrays(config)
    figures = drawings.draw(config, prepared, records, experiments)
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    result = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=source | {"as the models see it": _sizes(config, prepared, records)},
        environment=report.environment(),
        rows=make_rows(config, prepared, records, experiments, reported),
        notes=[*NOTES, *_measured_notes(config, records, experiments)],
        timing={**timing, **_timing(records)},
        figures=figures,
    )
    return report.write(result, config.out)


def _sizes(config: Config, prepared: Prepared, records: Records) -> dict[str, Any]:
    _, n_mels, frames = prepared.spectrograms.shape
    stored = prepared.dataset.masks["frames"].shape[1]
    parts = {name: record["sizes"] for name, record in records[0].items()}
    return {
        "spectrogram": f"{n_mels} × {frames} (from {stored} frames, averaged in time)"
        if frames != stored
        else f"{n_mels} × {frames}",
        **{f"rows ({name})": f"{s['fit']} fit / {s['valid']} valid / {s['score']} scored" for name, s in parts.items()},
    }


def make_rows(
    config: Config,
    prepared: Prepared,
    records: Records,
    experiments: Mapping[str, Any],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every reported number under every variant, then what the document lacks."""
    rows: list[report.Row] = []

    def add(base: str, section: str, what: str, metric: str, lookup: Lookup, **details: Any) -> None:
        note = details.pop("note", "")
        for name in _distinct(config.variant) if base.startswith(("fc.", "conv.", "pca.")) else config.variant:
            values = [lookup(record[name]) for record in records]
            if details.get("reported") is None and all(value is None for value in values):
                continue
            rows.append(
                report.make_row(
                    f"{base}@variant:{name}",
                    section=section,
                    what=what,
                    metric=metric,
                    reported=details.get("reported"),
                    fresh=[np.nan if value is None else value for value in values],
                    is_same_data=config.same_data,
                    is_contradicted=details.get("is_contradicted", False),
                    note=note or _cluster_note(base, name, records),
                )
            )

    for table in reported["clustering"]:
        representation = table["representation"]
        for method, parameter, *values in table["rows"]:
            what = f"{_NAMES[representation]}, {_method(method, parameter)}"
            for (metric, title), value in zip(_METRICS.items(), values, strict=True):
                base = f"{representation}.{method}.{parameter:g}.{metric}"
                lookup = _at_cluster(representation, method, parameter, metric)
                add(base, table["section"], what, title, lookup, reported=value)
    for number in reported["number"]:
        contradicted = number.get("contradicted", "")
        add(
            number["id"], number["section"], number["what"], number["metric"], _lookup(number["from"]),
            reported=number["reported"], is_contradicted=bool(contradicted),
            note=contradicted or number.get("note", ""),
        )  # fmt: skip
    _add_retrieval(add)
    _add_baselines(add, scores.used_labels(config, prepared))
    rows.sort(key=lambda row: row.section)
    return rows + _lead_rows(experiments)


def _distinct(variants: Sequence[str]) -> list[str]:
    """The variants that differ in what they do to audio alone; the others would repeat its rows."""
    arms = {(VARIANTS[name].fit_on_all, VARIANTS[name].reduction): name for name in reversed(variants)}
    return [name for name in variants if name in arms.values()]


def _method(method: str, parameter: float) -> str:
    return f"DBSCAN eps = {parameter:g}" if method == "dbscan" else f"{_METHODS[method]} k = {parameter:g}"


def _at_cluster(representation: str, method: str, parameter: float, metric: str) -> Lookup:
    def lookup(record: Mapping[str, Any]) -> Any:
        return record["clustering"][representation].get(f"{method}|{parameter:g}", {}).get(metric)

    return lookup


def _lookup(path: Sequence[Any]) -> Lookup:
    if len(path) == 4:
        return _at_cluster(*path)
    if len(path) == 2:
        return lambda record: record["retrieval"][path[0]][path[1]]
    return lambda record: record["scalars"][path[0]]


def _cluster_note(base: str, variant: str, records: Records) -> str:
    """What DBSCAN found, and any degenerate assignment: a silhouette of one group against few says nothing."""
    representation, method, *parameter = base.rpartition(".")[0].split(".") if base.count(".") > 1 else ("", "")
    if representation not in _NAMES or method not in (*_METHODS, "dbscan"):
        return ""
    found = [r[variant]["clustering"][representation].get(f"{method}|{'.'.join(parameter)}") for r in records]
    found = [f for f in found if f]
    if not found:
        return ""
    mean = {key: np.mean([f[key] for f in found]) for key in ("n_clusters", "noise_share", "largest_share")}
    degenerate = sum(bool(f["degenerate"]) for f in found)
    if method != "dbscan" and not degenerate:
        return ""
    return (
        f"{mean['n_clusters']:.1f} clusters, noise {mean['noise_share']:.0%}, largest {mean['largest_share']:.0%}; "
        f"degenerate in {degenerate} of {len(found)}"
    )


def _add_retrieval(add: Callable[..., None]) -> None:
    metrics = ("recall@1", "recall@5", "recall@10", "mrr", "map", "median_rank")
    for direction, title in (("lyrics_to_audio", "lyrics → audio"), ("audio_to_lyrics", "audio → lyrics")):
        section = f"Retrieval, {title}"
        for metric in (*metrics, *(f"class/{m}" for m in ("recall@1", "recall@5", "recall@10", "map"))):
            level = "same genre" if metric.startswith("class/") else "own pair"
            label = metric.removeprefix("class/").replace("_", " ")
            for source, what in (("retrieval", "JointVAE"), ("cca", "linear CCA"), ("chance", "chance")):
                at = "retrieval" if source == "chance" else source
                key = f"chance/{metric}" if source == "chance" else metric
                add(
                    f"compare.{direction}.{metric}.{source}", section, f"{what}, {level}", label,
                    lambda record, at=at, direction=direction, key=key: record[at][direction].get(key),
                )  # fmt: skip


def _add_baselines(add: Callable[..., None], labels: Sequence[str]) -> None:
    for representation, name in _NAMES.items():
        for label in labels:
            for metric, title in (("adjusted_rand", "ARI"), ("normalized_mutual_information", "NMI")):
                add(
                    f"{representation}.kmeans.10.{metric}/{label}", "Agreement with labels (K-means k = 10)", name,
                    f"{title} with {label}", _at_cluster(representation, "kmeans", 10, f"{metric}/{label}"),
                )  # fmt: skip
        for method in ("spectral", "kmeans_random"):
            for k in (5, 10, 15):
                add(
                    f"{representation}.{method}.{k}.silhouette", "Baselines that the document lacks",
                    f"{name}, {_method(method, k)}", "silhouette",
                    _at_cluster(representation, method, k, "silhouette"),
                )  # fmt: skip
    units = {"active_units": "active units", "kl": "KL (nats)", "mse": "reconstruction MSE"}
    for key, what in (("fc", "FC-VAE"), ("conv", "ConvVAE"), ("joint", "JointVAE")):
        for metric in ("active_units", "kl"):
            add(f"{key}.{metric}", "State of the models", what, units[metric], _lookup([f"{key}.{metric}"]))
    for key, what in (
        ("fc.mse", "FC-VAE"),
        ("conv.mse", "ConvVAE"),
        ("joint.audio.mse", "JointVAE, audio"),
        ("joint.lyrics.mse", "JointVAE, lyrics"),
    ):
        add(key, "State of the models", what, units["mse"], _lookup([key]))


def _lead_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    """The two experiments as rows without a reported number."""
    rows: list[report.Row] = []
    section = "Experiment: identical clips planted for DBSCAN (eps = 0.5, standardised PCA)"
    for found in experiments["duplicates"]:
        m = int(found["planted"])
        for metric in (
            "silhouette",
            "davies_bouldin",
            "calinski_harabasz",
            "n_clusters",
            "noise_share",
            "product",
            "group",
        ):
            rows.append(
                report.make_row(
                    f"duplicates.{found['clip']}.{m}.{metric}", section=section,
                    what=f"{found['clip']} clip {m} times",
                    metric={"product": "CH · DB²", "group": "group size"}.get(metric, metric.replace("_", " ")),
                    reported=None, fresh=[found[metric]], is_same_data=False,
                )
            )  # fmt: skip
    section = "Experiment: retrieval against the number of training pairs"
    points = experiments["pairs"]
    for size in dict.fromkeys("all" if p["is_all"] else p["pairs"] for p in points):
        at = [p for p in points if (p["is_all"] if size == "all" else p["pairs"] == size and not p["is_all"])]
        mean_size = round(np.mean([p["pairs"] for p in at]))
        for key in [k for k in at[0] if "/" in k] + ["chance"]:
            model, _, direction = key.partition("/")
            name = {"cca": "linear CCA", "towers": "contrastive towers"}.get(model, model)
            what = f"{name}, {direction.replace('_', ' ')}" if direction else name
            rows.append(
                report.make_row(
                    f"pairs.{size}.{key}", section=section, what=f"{what}, {mean_size} pairs", metric="recall@10",
                    reported=None, fresh=[p[key] for p in at], is_same_data=False,
                )
            )  # fmt: skip
    return rows


def _measured_notes(config: Config, records: Records, experiments: Mapping[str, Any]) -> list[str]:
    """Sentences that carry a figure of this run."""
    notes = []
    documented = [
        ("PCA", 78.24, 0.2418),
        ("ConvVAE", 55.44, 0.2681),
        ("hybrid", 42.94, 0.3245),
        ("joint", 4.80, 0.9858),
    ]
    products = ", ".join(f"{name} {ch * db**2:.2f}" for name, ch, db in documented)
    groups = ", ".join(
        f"{d['clip']} clip {d['planted']} times {d['product']:.2f} (exact inversion {d['group']:.1f})"
        for d in experiments["duplicates"]
    )
    notes.append(
        "DBSCAN, an explanation: with noise as one label and m identical clips as the other, CH · DB² ≈ m · (mean "
        f"radius / rms radius)². The document's four DBSCAN rows give {products}: about five identical clips and "
        f"everything else noise. Here, with clips planted in these data: {groups} (nan: no cluster found)."
    )
    for name in config.variant[:2]:
        values = [record[name]["scalars"]["explained_variance"] for record in records]
        notes.append(f"TF-IDF → {config.lyrics_dim} components keeps {np.mean(values):.1%} of the variance ({name}).")
    return notes


def _timing(records: Records) -> dict[str, float]:
    timing: dict[str, float] = {}
    for record in records:
        for name, found in record.items():
            for key, seconds in found["seconds"].items():
                timing[f"{name}, {key}, all seeds"] = timing.get(f"{name}, {key}, all seeds", 0.0) + seconds
    return timing


def write_tables(config: Config, records: Records) -> None:
    """The document's metric tables, as mean, standard deviation and n over seeds."""
    tables: dict[str, list[dict[str, Any]]] = {}
    retrieval = []
    for name in config.variant:
        for representation, file in _TABLES.items():
            for key in records[0][name]["clustering"][representation]:
                method, parameter = key.split("|")
                line: dict[str, Any] = {
                    "variant": name, "representation": representation, "method": method, "parameter": parameter,
                }  # fmt: skip
                found = [r[name]["clustering"][representation].get(key, {}) for r in records]
                for metric in found[0]:
                    line |= _moments(metric, [f.get(metric, np.nan) for f in found])
                tables.setdefault(file, []).append(line | {"n": len(records)})
        for source in ("retrieval", "cca"):
            for direction in records[0][name][source]:
                line = {
                    "variant": name,
                    "model": "JointVAE" if source == "retrieval" else "CCA",
                    "direction": direction,
                }
                for metric in records[0][name][source][direction]:
                    line |= _moments(metric, [r[name][source][direction][metric] for r in records])
                retrieval.append(line | {"n": len(records)})
    for file, lines in {**tables, "retrieval_metrics.csv": retrieval}.items():
        report.write_atomically(config.out / file, pd.DataFrame(lines).to_csv(index=False))


def _moments(metric: str, values: Sequence[float]) -> dict[str, float]:
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    return {
        metric: float(finite.mean()) if len(finite) else np.nan,
        f"{metric}_std": float(finite.std(ddof=1)) if len(finite) > 1 else np.nan,
    }


def write_arrays(config: Config) -> None:
    """The document's `Z_*` files and cluster assignments: first seed, first variant with a split (else the first)."""
    from jaxmusic import evaluation

    arrays = drawings.load_arrays(config)
    for name in ("Z_audio", "Z_hybrid", "Z_joint", "Z_pca"):
        np.savez_compressed(config.out / f"{name}.npz", ids=arrays["ids"], z=arrays[name], scored=arrays["score"])
    for prefix, name in (("fc_vae", "Z_fc"), ("convvae", "Z_audio"), ("joint", "Z_joint")):
        rows = arrays["score"]
        for row in evaluation.clustering_grid(arrays[name][rows], seed=0, eps=(0.5, 1.0, 1.5)):
            if row.method in ("kmeans", "agglomerative", "dbscan") and not row.skipped:
                method = scores.row_key(row.method, row.parameters).replace("|", "_")
                table = pd.DataFrame({"id": arrays["ids"][rows], "cluster": row.assignment})
                report.write_atomically(config.out / f"{prefix}_{method}_labels.csv", table.to_csv(index=False))
    source = config.out / "work" / drawings.shown_variant(config) / "lyrics_reconstructions.csv"
    shutil.copyfile(source, config.out / "lyrics_reconstructions.csv")
