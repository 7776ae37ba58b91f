"""Numbers of docs/hybrid_language_vae.md, see `docs/page_numbers.py`."""

import json

from docs.page_numbers import ROOT, Value, benchmark, report, table
from scipy import stats

sentences = report("hybrid_language_vae/feature_tables_e5")
tables = report("hybrid_language_vae/feature_tables")
gtzan_audio_15s = report("hybrid_language_vae/gtzan_audio_15s")
gtzan_audio = report("hybrid_language_vae/gtzan_audio")
b_vae = benchmark("vae-amd-epyc-2-cores")
b_sound = benchmark("sound_encoders-amd-epyc-2-cores")
beyond = report("joint_vae_beyond/clips_en_de")
beyond_corpus = report("joint_vae_beyond/synthetic")
protocol = report("hybrid_language_protocols/gtzan_banglabeats")
_PROTOCOLS = {
    row["id"]: row["what"]
    for row in json.loads(
        (
            ROOT
            / "reproductions/results/hybrid_language_protocols/gtzan_banglabeats/report.json"
        ).read_text()
    )["rows"]
}
pretrained = report("hybrid_language_vae/gtzan_musicnn")
_READINGS = ("sum_sum", "mean_mean", "mean_sum", "mean_batch")
_COLUMNS = (
    "sum_sum",
    "mean_mean",
    "mean_sum",
    "mean_sum_split",
    "sum_sum_split",
    "columns57_split",
)
# Of the documents themselves, bounds of what is measured,
# and what the searched protocols are called.
GIVEN = {"0.25", "0.5", "0.7527", "95 %", "1%", "3%", "10%", "20%", "40%"}


def pretrained_sound() -> str:
    columns = ("K-means, ARI", "K-means, NMI", "Ward, ARI", "probe, accuracy")
    views = (
        "MFCC moments",
        "57 columns",
        "musicnn-msd, logits of the tags",
        "musicnn-msd, penultimate layer",
    )
    lines = [
        f"| 100 GTZAN clips, whole | {' | '.join(columns)} |",
        "| --- " * (len(columns) + 1) + "|",
    ]
    for view in views:
        cells = (
            f"{b_sound('Clusters and probes', view, column):.3f}" for column in columns
        )
        lines.append(f"| {view} | {' | '.join(cells)} |")
    return "\n".join(lines)


def silhouettes() -> str:
    rows = {
        "K-means, audio features": ("raw", "mean_sum"),
        "K-means, PCA of them": ("pca", "mean_sum"),
        "spectral, audio features": ("spectral", "mean_sum"),
        "Ward, hybrid features": ("agglomerative", "mean_sum"),
        "K-means, Basic VAE (`mean_mean`)": ("basic", "mean_mean"),
        "K-means, Basic VAE (`mean_sum`)": ("basic", "mean_sum"),
    }
    lines = [
        f"| {what} | {tables(f'{method}.hybrid.silhouette', column).part('reported'):.3f} | "
        f"{tables(f'{method}.own.silhouette', column):.3f±} | {tables(f'{method}.hybrid.silhouette', column):.3f±} |"
        for what, (method, column) in rows.items()
    ]
    head = "| method | reported | in its own space | in the hybrid space |"
    return "\n".join([head, "| --- | --- | --- | --- |", *lines])


def alignment() -> str:
    lines = []
    for count in ("8", "81"):
        for text in ("aligned", "shuffled"):
            cells = [
                f"{source(f'alignment.{count}.Ward.{text}.{metric}'):.3f±}"
                for source in (tables, sentences)
                for metric in ("silhouette", "adjusted_rand")
            ]
            lines.append(f"| {count}, {text} | {' | '.join(cells)} |")
    head = "| sentences | silhouette | ARI | silhouette, E5 embeddings | ARI, E5 embeddings |"
    return "\n".join([head, "| --- | --- | --- | --- | --- |", *lines])


def agreement() -> str:
    return table(
        tables,
        "agreement with genre (ARI)",
        ["reported", *_COLUMNS],
        [
            ("K-means, audio features", "raw.adjusted_rand"),
            ("K-means, PCA of them", "pca.adjusted_rand"),
            ("Ward, hybrid features", "agglomerative.adjusted_rand"),
            ("Basic VAE", "basic.adjusted_rand"),
            ("Conv VAE", "conv.adjusted_rand"),
            ("Conditional VAE, given true labels", "conditional.adjusted_rand"),
            (
                "Conditional VAE, labels marginalised",
                "conditional_marginal.adjusted_rand",
            ),
            ("VAE on adaptive fusion", "adaptive.adjusted_rand"),
        ],
    )


def states() -> str:
    return table(
        tables,
        "what",
        list(_COLUMNS),
        [
            ("active units of the Basic VAE, of 16", "state.basic.units", ".1f±"),
            ("active units of the Conv VAE", "state.conv.units", ".1f±"),
            ("active units of the Conditional VAE", "state.conditional.units", ".1f±"),
            ("error of the Basic VAE (variance 1)", "state.basic.mse"),
            ("error of the Conv VAE", "state.conv.mse"),
            ("genre by a linear classifier, audio features", "probe.genre.raw"),
            ("… Conv VAE", "probe.genre.conv"),
            (
                "… Conditional VAE, labels marginalised",
                "probe.genre.conditional_marginal",
            ),
            ("language by a linear classifier, audio features", "probe.language.raw"),
            ("attention of adaptive fusion on text", "attention.text"),
        ],
    )


def descriptors() -> str:
    lines = [
        f"| {name} | {tables(f'leakage.{name}.mutual_information'):.2f} | {tables(f'leakage.{name}.expected'):.2f} | "
        f"{tables(f'leakage.{name}.p_value'):.3f} |"
        for name in ("tempo", "energy", "brightness", "rhythm")
    ]
    return "\n".join(
        [
            "| descriptor | mutual information with genre, nats | by chance | p |",
            "| --- | --- | --- | --- |",
            *lines,
        ]
    )


def sentence() -> str:
    return f"""\
The sentence alone names one of 18 genres in {tables("leakage.accuracy"):.1%} of the tracks, where the largest genre has {tables("leakage.majority"):.1%}.
"""


def disentanglement() -> str:
    lines = [
        f"| {name} | {tables(f'disentanglement.{name}.mig'):.3f±} |"
        for name in ("β = 0.5", "β = 1", "β = 4", "PCA")
    ]
    return "\n".join(["| space | mutual information gap |", "| --- | --- |", *lines])


def what_the_document_leaves_for_table() -> str:
    return f"""\
| idea | here |
| --- | --- |
| hyperparameter search (appendix) | done: latents of 8, 16 and 32, β of 1, 2 and 4, two learning rates, five seeds each |
| mutual information gap (appendix) | done, for every model: {tables("state.basic.mig", "sum_sum_split"):.3f} for the Basic VAE with the error summed |
| adaptive fusion (appendix) | done: ARI {tables("adaptive.adjusted_rand", "sum_sum_split"):.3f} with genre, below the features' own {tables("raw.adjusted_rand", "sum_sum_split"):.3f} |
| the best β (§7) | done: β from 0.25 to 8. MIG is highest at 0.5 ({tables("disentanglement.β = 0.5.mig"):.3f}) and nearly gone at 8 ({tables("disentanglement.β = 8.mig"):.3f}); PCA has {tables("disentanglement.PCA.mig"):.3f} |
| Transformer VAE for longer contexts (§7) | tried on other songs, with a time axis: [a Transformer over mel frames](beyond.md) finds {beyond("retrieval.transformer", "R@10 lyrics → audio"):.3f} of the pairs where pooled statistics find {beyond("retrieval.base", "R@10 lyrics → audio"):.3f}. Here a track is one vector of 3 seconds: there is no context to read |
| longer segments, hierarchies of them (§6.2.2) | longer: done. On 100 GTZAN clips 15 s tell genre better than 3 s: ARI of K-means {gtzan_audio_15s("raw.adjusted_rand", "mean_sum"):.3f±} against {gtzan_audio("raw.adjusted_rand", "mean_sum"):.3f±}, on PCA {gtzan_audio_15s("pca.adjusted_rand", "mean_sum"):.3f±} against {gtzan_audio("pca.adjusted_rand", "mean_sum"):.3f±}. Hierarchies are declined: the feature tables hold one row a track, and BanglaBeats' audio is not at hand |
| semi-supervised, few labels (§7) | done on other data: [a label head](beyond.md) lifts genre NMI to {beyond_corpus("space.labels", "genre NMI"):.3f} on the embedded corpus ({beyond_corpus("space.base", "genre NMI"):.3f} without), and leaves it at {beyond("space.labels", "genre NMI"):.3f} on 800 real songs ({beyond("space.base", "genre NMI"):.3f}) |
| descriptors of Bangla music, microtones, tāla (§6.2.1, 7) | declined: they need recordings whose rāga and tāla are known, to tell a descriptor that works from one that does not |
| incremental clustering of a stream (§7) | done: K-means that sees the training rows once, batch by batch, has ARI {tables("incremental.100% seen, batch by batch.adjusted_rand"):.3f} with genre on the test part, K-means of them all {tables("incremental.all at once.adjusted_rand"):.3f}; the two agree by {tables("incremental.100% seen, batch by batch.agreement"):.2f} |
| distillation, progressive training (§6.2.3) | declined: training is not what costs. The Basic VAE takes {b_vae("Training", "Basic VAE, 436 columns", "samples per second"):,.0f} tracks a second on two CPU cores, and scoring takes longer than all models of a variant |
"""


def readings() -> str:
    lines = [
        "| reading of the loss | mean distance | of 27 numbers inside |",
        "| --- | --- | --- |",
    ]
    names = [f"{name}{part}" for part in ("", "_split") for name in _READINGS]
    for name in names:
        distance, inside = (
            tables(f"reading.{name}.{what}") for what in ("distance", "inside")
        )
        lines.append(f"| `{name}` | {distance:.2f} | {inside:.0f} |")
    return "\n".join(lines)


def features() -> str:
    return table(
        pretrained,
        "100 GTZAN clips, first 15 s: ARI with genre",
        ["sum_sum", "columns57", "tags", "musicnn"],
        [
            ("K-means, features", "raw.adjusted_rand"),
            ("K-means, PCA of them", "pca.adjusted_rand"),
            ("spectral, features", "spectral.adjusted_rand"),
            ("Ward, hybrid features", "agglomerative.adjusted_rand"),
            ("K-means, hybrid features", "hybrid_kmeans.adjusted_rand"),
            ("autoencoder", "autoencoder.adjusted_rand"),
            ("Basic VAE", "basic.adjusted_rand"),
            ("Conv VAE", "conv.adjusted_rand"),
            ("Conditional VAE, given true labels", "conditional.adjusted_rand"),
            ("VAE on adaptive fusion", "adaptive.adjusted_rand"),
            ("DBSCAN, UMAP of the Conv VAE", "dbscan_umap.adjusted_rand"),
        ],
    )


def share_of_the_features() -> str:
    plain, known = (
        pretrained("basic.adjusted_rand", column) for column in ("sum_sum", "musicnn")
    )
    share = known.minus(plain).over(1 - plain.known())
    return f"""\
The Basic VAE's ARI goes from {plain:.3f±} to {known:.3f±}: other features close {share:.0%} of what it lacks to full agreement, with the same model, loss and K-means.
"""


def few_labels() -> str:
    lines = [
        "| accuracy on the clips without a label | 1 label a genre | 5 labels a genre |",
        "| --- | --- | --- |",
    ]
    for view in (
        "MFCC moments",
        "57 columns",
        "musicnn-msd, penultimate layer",
        "SpectrogramClassifier, from scratch",
    ):
        cells = (f"{_draw(view, labels):.3fto}" for labels in (1, 5))
        lines.append(f"| {view} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _draw(view: str, labels: int) -> Value:
    """Accuracy with the 95 % prediction interval of another draw of labels; the benchmark divides by n."""
    mean, spread, n = (
        b_sound("Few labels", f"{view}, {labels}", column).known()
        for column in ("accuracy", "deviation over draws", "draws")
    )
    half = stats.t.ppf(0.975, n - 1) * spread * ((n + 1) / (n - 1)) ** 0.5
    return Value(mean, None, mean - half, min(1.0, mean + half))


def protocols() -> str:
    lines = [
        "| protocol, the nearest first | mean distance | of 18 numbers inside |",
        "| --- | --- | --- |",
    ]
    for place in range(1, 8):
        distance, inside = (
            protocol(f"fit.{place}.{what}") for what in ("half-widths", "inside")
        )
        lines.append(
            f"| {_PROTOCOLS[f'fit.{place}.inside']} | {distance:.2f} | {inside:.0f} |"
        )
    return "\n".join(lines)


def winning_rows() -> str:
    near, own = (_PROTOCOLS[f"fit.{place}.inside"] for place in (1, 7))
    lines = [f"| | reported | {near} | {own} |", "| --- | --- | --- | --- |"]
    methods = {
        "agglomerative": "Ward, hybrid",
        "hybrid_kmeans": "K-means, hybrid",
        "raw": "K-means, audio features",
    }
    metrics = {
        "silhouette": "silhouette",
        "calinski_harabasz": "Calinski-Harabasz",
        "davies_bouldin": "Davies-Bouldin",
        "adjusted_rand": "ARI",
        "normalized_mutual_information": "NMI",
        "purity": "purity",
    }
    for method, title in methods.items():
        for metric, name in metrics.items():
            spec = ".1f" if metric == "calinski_harabasz" else ".3f"
            first, second = (protocol(f"{method}.{metric}", x) for x in (near, own))
            lines.append(
                f"| {title}, {name} | {first.part('reported'):{spec}} | {first:{spec}±} | {second:{spec}±} |"
            )
    return "\n".join(lines)
