"""Numbers of docs/examples/sound.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark

b_sound = benchmark("sound_encoders-amd-epyc-2-cores")


def real_music() -> str:
    clusters, words, labels = (
        "Clusters and probes",
        "Words as queries, precision of the first ten",
        "Few labels",
    )
    sung = "Genre names as queries on sung clips"
    return f"""\
Of a hundred GTZAN clips in ten genres, K-means agrees with the genres at {b_sound(clusters, "musicnn-msd, penultimate layer", "K-means, ARI"):.2f} (adjusted Rand index) in the penultimate layer and at {b_sound(clusters, "MFCC moments", "K-means, ARI"):.2f} in MFCC moments.
Genre names as queries, by the way below, find their genre in {b_sound(words, "genre names, musicnn-msd", "precision@10"):.2f} of the first ten answers, at chance {b_sound(words, "genre names, musicnn-msd", "chance"):.2f};
on sung clips of five genres in {b_sound(sung, "tags of musicnn-msd", "precision"):.2f}, where the way through the lyrics gives {b_sound(sung, "lyrics by multilingual-e5-small", "precision"):.2f} at chance {b_sound(sung, "tags of musicnn-msd", "chance"):.2f}.
With one labelled clip of each genre a linear layer on the vectors names the genre of {b_sound(labels, "musicnn-msd, penultimate layer, 1", "accuracy"):.2f} of the others; a convolutional net trained on those clips alone, of {b_sound(labels, "SpectrogramClassifier, from scratch, 1", "accuracy"):.2f} ([tables](../../benchmarks/RESULTS.md)).
"""
