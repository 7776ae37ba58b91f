"""Numbers of README.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark, report, table

lyrics_1950_2019 = report("genre_classification/lyrics_1950_2019")
million_song = report("fusion_recommender/million_song")
clips_en_de = report("joint_vae/clips_en_de")
other_clips_en_de = report("joint_vae_beyond/clips_en_de")
feature_tables = report("hybrid_language_vae/feature_tables")
b_vae = benchmark("vae-amd-epyc-2-cores")
b_genre = benchmark("genre-amd-epyc-2-cores")
b_audio = benchmark("audio-amd-epyc-2-cores")
b_text = benchmark("text-amd-epyc-2-cores")
b_start = benchmark("start-amd-epyc-2-cores")
b_scaling = benchmark("scaling-amd-epyc-2-cores")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.5", "0.85", "0.95", "0.567", "0.653", "3.11"}


def what_reproduces_table() -> str:
    return f"""\
| document | reported | here, on other real data | why, and what mends it |
| --- | --- | --- | --- |
| [Genre from lyrics and metadata](docs/genre_classification.md) | accuracy 0.567 (lyrics), 0.653 (metadata), four genres | {lyrics_1950_2019("table/four.lyrics.accuracy", "paper"):.3f} and {lyrics_1950_2019("table/four.metadata.accuracy", "paper"):.3f} as the document trains, ten seeds; {lyrics_1950_2019("table/four.lyrics.accuracy", "repaired"):.3f} and {lyrics_1950_2019("table/four.metadata.accuracy", "repaired_wide"):.3f} repaired | free word vectors learn less from each further song than penalised weights; gradient boosting on the same columns reaches {lyrics_1950_2019("table/four.baseline.features and TF-IDF SVD, gradient boosting.accuracy", "stratified split"):.3f} |
| [Fusion recommender](docs/fusion_recommender.md) | accuracy {million_song("table1.row2.accuracy", "random").part("reported"):.3f} with six classes, mAP {million_song("table2.row2.map@500", "random").part("reported"):.3f} | {million_song("table1.row2.accuracy", "random"):.3f} on a random split of songs, {million_song("table1.row2.accuracy", "artist"):.3f} by unheard artists, where the largest class has {million_song("table1.row2.majority", "artist"):.3f}; mAP {million_song("table2.row2.map@500", "random"):.3f} | tags belong to artists, and the artist's name is an input; popularity alone has mAP {million_song("table2.popularity.map@500", "random"):.3f}, factors regressed by an MLP with popularity {million_song("table2.hybrid_wmf_mlp.map@500", "random"):.3f} |
| [Joint VAE](docs/joint_vae.md) | silhouette {clips_en_de("pca.dbscan.0.5.silhouette", "document").part("reported"):.3f} for PCA with DBSCAN, retrieval 0 | all noise; retrieval {clips_en_de("retrieval.lyrics_to_audio.recall@10", "split"):.3f} at chance {clips_en_de("compare.lyrics_to_audio.recall@10.chance", "split"):.3f} | identical clips against noise; averaged errors collapse every unit; [better inputs](docs/beyond.md) lift retrieval to {other_clips_en_de("retrieval.chosen by validation", "R@10 lyrics → audio"):.3f} at chance {other_clips_en_de("retrieval.chance", "R@10 lyrics → audio"):.3f} |
| [Hybrid-language VAEs](docs/hybrid_language_vae.md) | silhouette {feature_tables("agglomerative.hybrid.silhouette", "document").part("reported"):.3f} at ARI {feature_tables("agglomerative.adjusted_rand", "document").part("reported"):.3f} | {feature_tables("alignment.8.Ward.shuffled.silhouette"):.2f} at ARI {feature_tables("alignment.8.Ward.shuffled.adjusted_rand"):.3f} with eight sentences shuffled among the tracks; {feature_tables("alignment.8.Ward.aligned.silhouette"):.2f} at ARI {feature_tables("alignment.8.Ward.aligned.adjusted_rand"):.3f} aligned; {feature_tables("alignment.81.Ward.aligned.silhouette"):.2f} with all 81 | few distinct sentences that do not belong to their tracks; the table is scored in another space than it was clustered in |
"""


def the_joint_vae_in_numbers_table() -> str:
    return table(
        clips_en_de,
        "what",
        ["reported", "document", "split", "elbo"],
        [
            ("ConvVAE latents, K-means k = 5, silhouette", "conv.kmeans.5.silhouette"),
            ("hybrid space, K-means k = 5, silhouette", "hybrid.kmeans.5.silhouette"),
            ("JointVAE latents, K-means k = 5, silhouette", "joint.kmeans.5.silhouette"),
            ("active units of the JointVAE (of 64)", "joint.active_units", ".0f"),
            ("PCA, DBSCAN eps = 0.5, silhouette", "pca.dbscan.0.5.silhouette"),
            ("TF-IDF → 64 components, explained variance", "lyrics.explained_variance"),
            ("lyrics → audio, recall@10", "retrieval.lyrics_to_audio.recall@10"),
            ("the same by linear CCA", "compare.lyrics_to_audio.recall@10.cca"),
            ("the same by chance", "compare.lyrics_to_audio.recall@10.chance", ".3fto"),
        ],
        ".3f±",
        cells={
            ("pca.dbscan.0.5.silhouette", "document"): "all noise",
            ("pca.dbscan.0.5.silhouette", "split"): "all noise",
            ("pca.dbscan.0.5.silhouette", "elbo"): "all noise",
            ("lyrics.explained_variance", "reported"): "0.85–0.95",
            ("lyrics.explained_variance", "document"): f"{clips_en_de('lyrics.explained_variance', 'document'):.3f}",
            (
                "retrieval.lyrics_to_audio.recall@10",
                "reported",
            ): f"{clips_en_de('retrieval.lyrics_to_audio.recall@10', 'elbo').part('reported'):.0f}",
            (
                "retrieval.lyrics_to_audio.recall@10",
                "document",
            ): f"{clips_en_de('retrieval.lyrics_to_audio.recall@10', 'document'):.3f}",
            (
                "compare.lyrics_to_audio.recall@10.cca",
                "document",
            ): f"{clips_en_de('compare.lyrics_to_audio.recall@10.cca', 'document'):.3f} (fitted on them)",
        },
    )


def speed_table() -> str:
    return f"""\
| what | peer | peer ÷ jaxmusic |
| --- | --- | --- |
| ConvVAE step, batch 32 × 128 × 215 | PyTorch eager · tuned · compiled | {b_vae("Training", "ConvVAE, 128 × 215", "eager ÷ ours"):.2f} · {b_vae("Training", "ConvVAE, 128 × 215", "tuned ÷ ours"):.2f} · {b_vae("Training", "ConvVAE, 128 × 215", "compiled ÷ ours"):.2f} |
| JointVAE step, the same | PyTorch eager · tuned · compiled | {b_vae("Training", "JointVAE, 128 × 215 and 64", "eager ÷ ours"):.2f} · {b_vae("Training", "JointVAE, 128 × 215 and 64", "tuned ÷ ours"):.2f} · {b_vae("Training", "JointVAE, 128 × 215 and 64", "compiled ÷ ours"):.2f} |
| FC-VAE epoch | PyTorch eager · tuned · compiled | {b_vae("Training", "FC-VAE, 256 columns", "eager ÷ ours"):.2f} · {b_vae("Training", "FC-VAE, 256 columns", "tuned ÷ ours"):.2f} · {b_vae("Training", "FC-VAE, 256 columns", "compiled ÷ ours"):.2f} |
| VAE of 52 features | PyTorch eager · tuned · compiled | {b_vae("Training", "Basic VAE, 52 columns", "eager ÷ ours"):.2f} · {b_vae("Training", "Basic VAE, 52 columns", "tuned ÷ ours"):.2f} · {b_vae("Training", "Basic VAE, 52 columns", "compiled ÷ ours"):.2f} |
| Conv1D VAE | PyTorch eager · tuned · compiled | {b_vae("Training", "Conv1D VAE, 436 columns", "eager ÷ ours"):.2f} · {b_vae("Training", "Conv1D VAE, 436 columns", "tuned ÷ ours"):.2f} · {b_vae("Training", "Conv1D VAE, 436 columns", "compiled ÷ ours"):.2f} |
| metadata classifier, batch 8, an epoch of 9,024 songs | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "metadata, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "metadata, PyTorch eager, fused Adam", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "metadata, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| lyrics classifier, 512 tokens, the same | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "lyrics, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "lyrics, PyTorch eager, fused Adam", "ratio to jaxmusic"):.2f} · {b_genre("One epoch at the document's size", "lyrics, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| combined classifier, the same | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "combined, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "combined, PyTorch eager, fused Adam", "ratio to jaxmusic"):.2f} · {b_genre("One epoch at the document's size", "combined, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| files → 57 feature columns | librosa | {b_audio("Files → the 57 columns of features_30_sec.csv", "librosa, one spectrum shared", "ratio to jaxmusic"):.1f} |
| mel spectrogram and MFCC of waveforms | librosa, one process | {b_audio("Waveforms in memory → mel spectrogram in dB and 20 MFCC", "librosa, one process", "ratio to jaxmusic"):.1f} |
| embedding lyrics, MiniLM-L6 | PyTorch transformers | {b_text("Embedding lyrics of mixed lengths", "float32", "PyTorch ÷ ours"):.2f} |
| `python` to the end of a first FC-VAE epoch, cache warm: {b_start("From python to the end of an epoch", "the same, compilation cache warm", "seconds"):.1f} s | PyTorch eager | {b_start("From python to the end of an epoch", "PyTorch eager, the same epoch", "seconds").over(b_start("From python to the end of an epoch", "the same, compilation cache warm", "seconds")):.1f} |
"""


def speed() -> str:
    return f"""\
A store of 20 GB on disk trains in {b_scaling("Training on a store that is larger than memory allows", "disk", "peak memory, MiB").over(1024):.1f} GiB of memory ([scaling](docs/scaling.md)). `python -m benchmarks` runs all.
"""
