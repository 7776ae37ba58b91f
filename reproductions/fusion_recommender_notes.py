"""Fusion recommender reproduction: what the document states, what contradicts it, and what is done here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import fusion_recommender_rows as rows
import numpy as np
from fusion_recommender_lists import LENGTH, TITLES

if TYPE_CHECKING:
    from fusion_recommender import Config

NOTES = (
    "Tags belong to the artist in the official files, and the artist's name is an input: under a random split the net "
    "can read the label off the name. The artist split has no artist on both sides and stands beside it in every row.",
    "The document clusters the distinct tag lists, not the songs: an inertia of 7,000 is 2.3 for each of 3,063 lists. "
    "So it is here; a song then belongs to the centre nearest to its own list. The order of tags in a list is ignored.",
    "Inertias of two spaces of different scale cannot be compared; 'over that of one cluster' can. The elbow is the k "
    "farthest below the chord of the curve, and depends on the range of k.",
    "Word vectors, clusters, TF-IDF, SVD, scalers and PCA are fitted on the training songs. Variant paper fits them on "
    "all songs, as the document's text has it for the tags.",
    "Word2Vec is called pre-trained and is learned on the tag lists. Title, album and artist start from pretrained "
    "vectors where --word-vectors is given, else from scratch (the data line says which).",
    "Lyrics: the document passes word:count through RoBERTa; --lyrics takes a transformer's folder or hub name. svd is "
    "the baseline that it lacks. Its printed TF-IDF formula is not scikit-learn's; scikit-learn's is used. A song "
    "without a bag of words has the training mean and a mask column that says so.",
    "Unknown year (0), duration and popularity likewise: the mean, and a mask column.",
    "The residual block is drawn, not written: relu(x + BN(Dense(dropout(relu(BN(Dense(x))))))).",
    "Fewer classes are easier: the largest class's share and balanced accuracy stand beside every accuracy. The "
    "document's Figure 8 shows 1,000 epochs and is said to be the first row of a table of 2,000.",
    "Candidates exclude the songs a user played, so something must be held out, which the document does not describe: "
    "half of each user's plays on test songs make the profile, the other half is what lists are scored on. AP@500 is "
    "over min(500, held-out songs). Users with fewer than two plays on test songs are left out and counted.",
    "Popularity counts users in the history part; WMF is fitted on the training songs' plays and the history part. "
    "Neither sees a held-out play. WMF's own row knows the test songs' history plays: no content method does.",
    "The cited linear regression and MLP are regressions onto WMF item factors; here from text and metadata, there "
    "from audio. Lists are ranked with WMF's user factors, as there.",
    "A hybrid's weight of popularity is chosen on a second split inside the history part.",
    "The abstract gives k = 6 an mAP of .04323; Table 2 gives it .04152 and .04323 to the CNN with WPE. The text says "
    "that more classes lower mAP; Table 2 says the opposite. Hence the verdict of that row.",
    "No other mAP gets a verdict: the document's 9,330 songs and 20,000 users are not named.",
)


def measured(config: Config, records: rows.Records, studies: Mapping[str, Any]) -> list[str]:
    """What the runs say, in their numbers."""
    found = []
    for name in config.variant:
        of = records[name]
        popularity, own, chance = (_mean(of, method) for method in ("popularity", "row2", "random"))
        found.append(
            f"Split {name}, mAP@{LENGTH}: random order {chance:.4f}, the document's recipe (k = 6) {own:.4f}, "
            f"popularity alone {popularity:.4f}, WMF {_mean(of, 'wmf'):.4f}."
        )
        for base, title in (("row2", "the document's recipe"), ("popularity", "popularity alone")):
            better: list[str] = []
            worse: list[str] = []
            unclear: list[str] = []
            for method in rows.COMPARED:
                compared = rows.comparison(of, method, base)
                if compared is None:
                    continue
                difference = compared[0]
                text = f"{TITLES[method].format(k=config.soft_k)} ({difference.mean:+.4f})"
                (better if difference.low > 0 else worse if difference.high < 0 else unclear).append(text)
            for kind, names in (("better than", better), ("worse than", worse), ("not told apart from", unclear)):
                if names:
                    found.append(f"Split {name}, paired bootstrap, {kind} {title}: {'; '.join(names)}.")
    found += _clusters(studies["clusters"])
    notes = {c["note"] for of in records.values() for record in of for c in record["classes"].values() if c["note"]}
    found += [f"Classes: {note}." for note in sorted(notes)]
    untested = {
        f"{row} ({name})"
        for name, of in records.items()
        for record in of
        for row, scores in record["models"].items()
        if scores["classes_without_test_songs"]
    }
    if untested:
        found.append(
            f"In some seed a class has no test song, and no part in balanced accuracy: {', '.join(sorted(untested))}."
        )
    if studies["search"]:
        best = max(studies["search"], key=lambda row: row["accuracy"])
        found.append(
            f"Search: {best['widths']}, p = {best['dropout']} had the highest validation accuracy, "
            f"{best['accuracy']:.3f}."
        )
    if config.epochs != 2000:
        found.append(f"Table 1's rows were trained for {config.epochs} epochs, not 2,000.")
    return found


def _mean(of: Sequence[Mapping[str, Any]], method: str) -> float:
    return float(np.mean([record["lists"]["scores"][method][f"map@{LENGTH}"] for record in of]))


def _clusters(clusters: Mapping[str, Any]) -> list[str]:
    shared = [k for k in (13, 6) if k in clusters["word2vec"]["k"] and k in clusters["multi-hot"]["k"]]
    if not shared:
        return []
    k = shared[0]
    words, hot = (clusters[s]["normalized_inertia"][clusters[s]["k"].index(k)] for s in ("word2vec", "multi-hot"))
    return [
        f"At k = {k}, K-means leaves {words:.2f} of the word vectors' inertia and {hot:.2f} of the multi-hot vectors': "
        f"{1 - words / hot:.0%} less, not 99 %. {clusters['lists']} distinct lists of {clusters['tags']} tags; "
        f"{clusters['tags seen once']} tags occur in one list only."
    ]
