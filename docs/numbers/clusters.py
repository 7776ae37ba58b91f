"""Numbers of docs/examples/clusters.md, see `docs/page_numbers.py`."""

from docs.page_numbers import report

clips_en_de = report("joint_vae/clips_en_de")


def sound_to_clusters() -> str:
    return f"""\
Averaging the error over the features weighs the KL divergence as much more as there are features, and every unit collapses.
K-means finds clusters even there, in rounding errors, and different ones on another processor. So count active units before you
read a silhouette ([the study](../joint_vae.md) has a silhouette of {clips_en_de("fc.kmeans.5.silhouette", "mean_sum"):.2f} for such a space).
"""
