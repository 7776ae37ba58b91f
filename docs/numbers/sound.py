"""Numbers of docs/examples/sound.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark

sound = benchmark("sound_encoders-amd-epyc-2-cores")


def gtzan() -> str:
    queries = (
        "Words as queries, precision of the first ten",
        "genre names, musicnn-msd",
    )
    return f"""\
Rendered music is not what the net was trained on. On real music the difference is larger: of a hundred GTZAN clips in ten genres,
K-means agrees with the genres at {sound("Clusters and probes", "musicnn-msd, penultimate layer", "K-means, ARI"):.2f} (adjusted Rand index) in the penultimate layer and at {sound("Clusters and probes", "MFCC moments", "K-means, ARI"):.2f} in MFCC moments; genre names
as queries, by the way below, find their genre in {sound(*queries, "precision@10"):.2f} of the first ten answers, at chance {sound(*queries, "chance"):.2f}
([tables](../../benchmarks/RESULTS.md)).
"""
