"""Joint VAE reproduction: what the document states, what is really there, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from joint_vae import Config

Records = Sequence[Mapping[str, Any]]

NOTES = [
    "Column `document` does what the document did (trained and scored on all clips, squared error averaged over "
    "elements, average fusion). `split` is the same on a 70/15/15 split, scored on the test part, where the data's "
    "groups (named under Data: songs, or artists) never cross; `elbo` is `split` with the error summed, which is the "
    "evidence lower bound; `info_nce` is "
    "`split` with a contrastive term between the two posteriors' means (§5.5).",
    "The document's 3,834 clips are not public, so on any other data the verdict is empty, save where the document "
    "contradicts itself.",
    "Thirty seconds give 1,292 centred frames, the document has 1,290: longer ones are cropped. It does not state "
    "n_fft: 2,048 here. Spectrograms are in dB.",
    "The per-file z-score makes mean and standard deviation of every band 0 and 1, and these are the FC-VAE's inputs: "
    "here they are taken before it (§3.1.2, §3.2.1).",
    "The printed KL divergence has the wrong sign, ½ Σ(1 + log σ² − μ² − σ²) is −KL: here it is ≥ 0 (§3.2.0).",
    "Averaging instead of summing the squared error weighs the KL divergence as much more as the input has elements: "
    "units collapse while silhouettes can rise. Active units, KL and reconstruction error stand under `State of the "
    "models`.",
    "log σ is used as a log-variance (z = μ + exp(½ log σ) ε); the joint σ is the average of the σ, not of their "
    "logarithms (§3.2.3). No clip of the document lacks lyrics, so its mask is always 1, and missing modalities cannot "
    "explain its result (§4.4.3).",
    "The decoder ends at 64 × 64; the interpolation to the spectrogram is not named: bilinear here (§3.2.2).",
    "The hybrid space is 64 + 64 = 128 columns; the appendix says 96.",
    "§4.1 gives silhouette 0.1053 and Calinski-Harabasz 853.5 for the FC-VAE, §4.4.2 the same for the ConvVAE: one "
    "result under two names.",
    "DBSCAN is scored as the document did, noise counting as a cluster. A row is degenerate where noise and the "
    "largest cluster hold over 95 % of the clips; its silhouette says nothing about structure. In 64 to 128 "
    "dimensions typical distances exceed every eps of the grid (all is noise), while the latents of a collapsed model "
    "lie within every eps (one cluster).",
    "TF-IDF to 64 components is said to keep 85–95 % of the variance; the figure measured here stands in the table.",
    "Recall 0 in §4.3, about 32 % in §8; silhouette 0.559 in §4.2, 0.41 in §8. Pair-level recall is scored in both "
    "directions here, beside chance and linear CCA; ties count as the mean over their orders.",
    "Everything fitted (TF-IDF, PCA, scalers) is fitted on the training part; in the column `document` on all clips. "
    "The per-file z-score uses no other clip.",
    "No seed and one run in the document (§5.2): here mean ± standard deviation over seeds, each with its own "
    "initialisation, batches and split.",
    "Between the linear layers of the encoder's end no activation is drawn, and none is used; the FC-VAE's hidden "
    "layers have ReLU, which the document does not state. Initialisation is Flax's default (LeCun normal).",
    "Checkpoints are Orbax folders (`*_final/<protocol>-<reduction>/seed_0`), arrays `.npz`; there are no pickles.",
]  # fmt: skip


def measured(config: Config, shown: str, records: Records, experiments: Mapping[str, Any]) -> list[str]:
    """Sentences that carry a figure of this run; `shown` is the variant whose arrays lie in the folder."""
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
    notes.append(
        f"`Z_*.npz` and `*_labels.csv` are of the first seed's `{shown}` variant; `scored` holds the rows that were "
        "scored."
    )
    return notes
