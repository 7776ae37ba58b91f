"""Numbers of docs/genre_classification.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark, report, table

lyrics_1950_2019 = report("genre_classification/lyrics_1950_2019")
mixed = report("genre_classification/lyrics_1950_2019_mixup")
b_genre = benchmark("genre-amd-epyc-2-cores")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.567", "0.626", "0.653", "0.1"}


def what_the_runs_say_table() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["paper", "repaired", "repaired_wide", "repaired_artist"],
        [
            ("lyrics", "table/four.lyrics.accuracy"),
            ("metadata", "table/four.metadata.accuracy"),
            ("combined", "table/four.combined.accuracy"),
        ],
        ".3f±",
    )


def what_the_runs_say_table_2() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["random split", "stratified split", "artist split"],
        [
            ("majority", "table/four.baseline.majority.accuracy"),
            (
                "TF-IDF, logistic regression",
                "table/four.baseline.TF-IDF, logistic regression.accuracy",
            ),
            (
                "scaled features, logistic regression",
                "table/four.baseline.scaled features, logistic regression.accuracy",
            ),
            (
                "features and TF-IDF SVD, gradient boosting",
                "table/four.baseline.features and TF-IDF SVD, gradient boosting.accuracy",
            ),
        ],
        ".3f±",
    )


def what_the_runs_say_table_3() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["paper", "repaired", "repaired_wide", "repaired_artist"],
        [
            ("lyrics", "table/seven.lyrics.accuracy"),
            ("metadata", "table/seven.metadata.accuracy"),
            ("combined", "table/seven.combined.accuracy"),
        ],
        ".3f±",
    )


def what_the_runs_say_table_4() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["random split", "stratified split", "artist split"],
        [
            ("majority", "table/seven.baseline.majority.accuracy"),
            (
                "TF-IDF, logistic regression",
                "table/seven.baseline.TF-IDF, logistic regression.accuracy",
            ),
            (
                "scaled features, logistic regression",
                "table/seven.baseline.scaled features, logistic regression.accuracy",
            ),
            (
                "features and TF-IDF SVD, gradient boosting",
                "table/seven.baseline.features and TF-IDF SVD, gradient boosting.accuracy",
            ),
        ],
        ".3f±",
    )


def what_the_runs_say_table_5() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["paper", "repaired", "repaired_wide", "repaired_artist"],
        [
            ("lyrics", "lyrics sample/four.lyrics.accuracy"),
        ],
        ".3f±",
    )


def what_the_runs_say_table_6() -> str:
    return table(
        lyrics_1950_2019,
        "accuracy",
        ["random split", "stratified split", "artist split"],
        [
            ("majority", "lyrics sample/four.baseline.majority.accuracy"),
            (
                "TF-IDF, logistic regression",
                "lyrics sample/four.baseline.TF-IDF, logistic regression.accuracy",
            ),
        ],
        ".3f±",
    )


def what_the_runs_say() -> str:
    return f"""\
- **The repairs are worth something where there is little else.** On four genres the lyrics net gains {lyrics_1950_2019("table/four.lyrics.accuracy", "repaired").minus(lyrics_1950_2019("table/four.lyrics.accuracy", "paper")):.3f} by its
  repairs, the metadata net {lyrics_1950_2019("table/four.metadata.accuracy", "repaired_wide").minus(lyrics_1950_2019("table/four.metadata.accuracy", "paper")):.3f} and the combined net {lyrics_1950_2019("table/four.combined.accuracy", "repaired_wide").minus(lyrics_1950_2019("table/four.combined.accuracy", "paper")):.3f} by theirs with wider metadata layers. On seven genres they gain nothing.
- **No variant beats the strongest simple baseline.** On the same splits gradient boosting on the features and TF-IDF
  components reaches {lyrics_1950_2019("table/four.baseline.features and TF-IDF SVD, gradient boosting.accuracy", "stratified split"):.3f} on four genres and {lyrics_1950_2019("table/seven.baseline.features and TF-IDF SVD, gradient boosting.accuracy", "stratified split"):.3f} on seven, the best net {lyrics_1950_2019("table/four.metadata.accuracy", "repaired_wide"):.3f} and {lyrics_1950_2019("table/seven.metadata.accuracy", "repaired"):.3f}; TF-IDF with logistic regression reaches
  {lyrics_1950_2019("table/four.baseline.TF-IDF, logistic regression.accuracy", "stratified split"):.3f} with 1,000 songs and {lyrics_1950_2019("lyrics sample/four.baseline.TF-IDF, logistic regression.accuracy", "stratified split"):.3f} with 5,675, the lyrics net {lyrics_1950_2019("table/four.lyrics.accuracy", "repaired"):.3f} and {lyrics_1950_2019("lyrics sample/four.lyrics.accuracy", "repaired"):.3f}. The nets have up to 978,000 weights for 300 to 1,800
  training songs: their training accuracy goes on rising when the test accuracy no longer does.
- **More songs alone do not repair the lyrics net.** From 223 to 1,782 training songs it rises from {lyrics_1950_2019("curve.lyrics sample/four.223.lyrics model"):.3f} to {lyrics_1950_2019("curve.lyrics sample/four.1782.lyrics model"):.3f}, TF-IDF with
  logistic regression from {lyrics_1950_2019("curve.lyrics sample/four.223.TF-IDF, logistic regression"):.3f} to {lyrics_1950_2019("curve.lyrics sample/four.1782.TF-IDF, logistic regression"):.3f}: the gap grows. A mean of freely trained word vectors, with no penalty on them, learns
  less from each further song than one penalised weight a word. The metadata net is no worse than logistic regression on
  the same columns at 152 songs ({lyrics_1950_2019("curve.table/four.152.metadata model"):.3f} and {lyrics_1950_2019("curve.table/four.152.scaled features, logistic regression"):.3f}) and within a deviation of it at 304 ({lyrics_1950_2019("curve.table/four.304.metadata model"):.3f} and {lyrics_1950_2019("curve.table/four.304.scaled features, logistic regression"):.3f}).
- **Unheard artists cost up to three points**, nets and baselines alike.
"""


def what_the_document_leaves_for_table() -> str:
    return f"""\
| idea | here |
| --- | --- |
| depth and complexity | done in part: wider metadata layers lift the combined net on four genres from {lyrics_1950_2019("table/four.combined.accuracy", "repaired"):.3f} to {lyrics_1950_2019("table/four.combined.accuracy", "repaired_wide"):.3f} and the metadata net from {lyrics_1950_2019("table/four.metadata.accuracy", "repaired"):.3f} to {lyrics_1950_2019("table/four.metadata.accuracy", "repaired_wide"):.3f}. `narrow`, `wide` and `deep` are variants that the committed run leaves out |
| vocabulary thresholds | the variant `vocabulary_threshold`; the committed run leaves it out |
| more genres | done: all seven, above. The lyrics net has {lyrics_1950_2019("table/seven.lyrics.accuracy", "paper"):.3f}, the metadata net {lyrics_1950_2019("table/seven.metadata.accuracy", "paper"):.3f}, the largest genre {lyrics_1950_2019("table/seven.baseline.majority.accuracy", "random split"):.3f} |
| whether joining features must help (the document's own doubt) | done: the combined net lies below the metadata net ({lyrics_1950_2019("table/four.combined.accuracy", "paper"):.3f} against {lyrics_1950_2019("table/four.metadata.accuracy", "paper"):.3f}; repaired, {lyrics_1950_2019("table/four.combined.accuracy", "repaired_wide"):.3f} against {lyrics_1950_2019("table/four.metadata.accuracy", "repaired_wide"):.3f}), while gradient boosting on both lies above that of logistic regression on either ({lyrics_1950_2019("table/four.baseline.features and TF-IDF SVD, gradient boosting.accuracy", "stratified split"):.3f} against {lyrics_1950_2019("table/four.baseline.scaled features, logistic regression.accuracy", "stratified split"):.3f} and {lyrics_1950_2019("table/four.baseline.TF-IDF, logistic regression.accuracy", "stratified split"):.3f}) |
"""


def how_it_is_fast() -> str:
    return f"""\
`benchmarks/genre.py` measures an epoch beside PyTorch (eager, `torch.compile`, fused Adam): the
[table](../benchmarks/RESULTS.md). It is faster throughout and takes more memory: a process of the combined classifier peaks at
{b_genre("One epoch at the document's size", "combined, jaxmusic", "peak memory, MiB"):.0f} MiB, PyTorch's eager one at {b_genre("One epoch at the document's size", "combined, PyTorch eager", "peak memory, MiB"):.0f} MiB.
"""


def mixup_table() -> str:
    names = (
        ("accuracy", "accuracy"),
        ("macro-F1", "macro_f1"),
        ("expected calibration error", "ece"),
        ("training accuracy", "train_accuracy"),
    )
    lines = ["| metadata net | without | with mixup |", "| --- | --- | --- |"]
    for title, name in names:
        without, with_mixup = (
            mixed(f"table/four.metadata.{name}", column)
            for column in ("repaired", "repaired_mixup")
        )
        lines.append(f"| {title} | {without:.3f±} | {with_mixup:.3f±} |")
    return "\n".join(lines)
