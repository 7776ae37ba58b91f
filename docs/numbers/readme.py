"""Numbers of README.md, see `docs/page_numbers.py`."""

from docs.page_numbers import Value, benchmark, report, table

genre = report("genre_classification/lyrics_1950_2019")
recommender = report("fusion_recommender/million_song")
recommender_longer = report("fusion_recommender/million_song_100_epochs")
joint = report("joint_vae/clips_en_de")
beyond = report("joint_vae_beyond/clips_en_de")
hybrid = report("hybrid_language_vae/feature_tables")
winning = report("hybrid_language_protocols/gtzan_banglabeats")
_NEAREST = "3 s, MiniLM, levels among the track's own frames"
b_vae = benchmark("vae-amd-epyc-2-cores")
b_multimodal = benchmark("multimodal-amd-epyc-2-cores")
b_genre = benchmark("genre-amd-epyc-2-cores")
b_audio = benchmark("audio-amd-epyc-2-cores")
b_text = benchmark("text-amd-epyc-2-cores")
b_sound = benchmark("sound_speed-amd-epyc-2-cores")
b_start = benchmark("start-amd-epyc-2-cores")
b_scaling = benchmark("scaling-amd-epyc-2-cores")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.5", "0.85", "0.95", "0.567", "0.653", "3.11"}


def documents() -> str:
    return f"""\
| document | reported | here, on other real data | why |
| --- | --- | --- | --- |
| [Genre from lyrics and metadata](docs/genre_classification.md) | accuracy 0.567 from lyrics, 0.653 from metadata | {genre("table/four.lyrics.accuracy", "paper"):.3f±} and {genre("table/four.metadata.accuracy", "paper"):.3f±} as the document trains; {genre("table/four.lyrics.accuracy", "repaired"):.3f±} and {genre("table/four.metadata.accuracy", "repaired_wide"):.3f±} repaired | word vectors trained from nothing need more songs than there are |
| [Fusion recommender](docs/fusion_recommender.md) | accuracy {recommender("table1.row2.accuracy", "random").part("reported"):.3f}, mAP {recommender("table2.row2.map@500", "random").part("reported"):.3f} | accuracy {recommender_longer("table1.row2.accuracy", "random"):.3f±} on a random split, {recommender_longer("table1.row2.accuracy", "artist"):.3f±} on unheard artists; mAP {recommender("table2.row2.map@500", "random"):.4f±}, a random order {recommender("table2.random.map@500", "random"):.4f±} | tags belong to artists, and the artist's name is an input; popularity alone has mAP {recommender("table2.popularity.map@500", "random"):.3f±} |
| [Joint VAE](docs/joint_vae.md) | silhouette {joint("pca.dbscan.0.5.silhouette", "mean_sum").part("reported"):.3f}, recall@10 0 | all noise; recall@10 {joint("retrieval.lyrics_to_audio.recall@10", "sum_sum_split"):.3f±} at chance {joint("compare.lyrics_to_audio.recall@10.chance", "sum_sum_split"):.3f}, {joint("compare.lyrics_to_audio.recall@10.language", "sum_sum_split"):.3f} by the language alone | identical clips against noise; [better inputs](docs/beyond.md) reach {beyond("retrieval.chosen by validation", "R@10 lyrics → audio"):.3f±}, the language alone {beyond("retrieval.the language alone", "R@10 lyrics → audio"):.3f±} |
| [Hybrid-language VAEs](docs/hybrid_language_vae.md) | silhouette {hybrid("agglomerative.hybrid.silhouette", "mean_sum").part("reported"):.3f} at ARI {hybrid("agglomerative.adjusted_rand", "mean_sum").part("reported"):.3f} | {winning("agglomerative.silhouette", _NEAREST):.3f±} at ARI {winning("agglomerative.adjusted_rand", _NEAREST):.3f±} with levels among a track's own frames, {hybrid("alignment.81.Ward.aligned.silhouette"):.3f±} at ARI {hybrid("alignment.81.Ward.aligned.adjusted_rand"):.3f±} with all 81 sentences | few sentences, nearly independent of the sound; [which protocol](docs/hybrid_language_vae.md#which-protocol-gives-07527) |
"""


def joint_vae() -> str:
    return table(
        joint,
        "what",
        ["reported", "mean_sum", "mean_sum_split", "sum_sum_split"],
        [
            ("ConvVAE latents, K-means k = 5, silhouette", "conv.kmeans.5.silhouette"),
            ("hybrid space, K-means k = 5, silhouette", "hybrid.kmeans.5.silhouette"),
            (
                "JointVAE latents, K-means k = 5, silhouette",
                "joint.kmeans.5.silhouette",
            ),
            ("active units of the JointVAE (of 64)", "joint.active_units", ".0f"),
            ("PCA, DBSCAN eps = 0.5, silhouette", "pca.dbscan.0.5.silhouette"),
            ("TF-IDF → 64 components, explained variance", "lyrics.explained_variance"),
            ("lyrics → audio, recall@10", "retrieval.lyrics_to_audio.recall@10"),
            ("the same by linear CCA", "compare.lyrics_to_audio.recall@10.cca"),
            (
                "the same by the language alone",
                "compare.lyrics_to_audio.recall@10.language",
                ".3f",
            ),
            ("the same by chance", "compare.lyrics_to_audio.recall@10.chance", ".3fto"),
        ],
        ".3f±",
        cells={
            ("pca.dbscan.0.5.silhouette", "mean_sum"): "all noise",
            ("pca.dbscan.0.5.silhouette", "mean_sum_split"): "all noise",
            ("pca.dbscan.0.5.silhouette", "sum_sum_split"): "all noise",
            ("lyrics.explained_variance", "reported"): "0.85–0.95",
            (
                "lyrics.explained_variance",
                "mean_sum",
            ): f"{joint('lyrics.explained_variance', 'mean_sum'):.3f}",
            (
                "retrieval.lyrics_to_audio.recall@10",
                "reported",
            ): f"{joint('retrieval.lyrics_to_audio.recall@10', 'sum_sum_split').part('reported'):.0f}",
            (
                "retrieval.lyrics_to_audio.recall@10",
                "mean_sum",
            ): f"{joint('retrieval.lyrics_to_audio.recall@10', 'mean_sum'):.3f}",
            (
                "compare.lyrics_to_audio.recall@10.cca",
                "mean_sum",
            ): f"{joint('compare.lyrics_to_audio.recall@10.cca', 'mean_sum'):.3f} (fitted on them)",
        },
    )


def _multivae(model: str) -> Value:
    return b_multimodal("Training of 64-column modalities", model, "MultiVae ÷ ours")


def speed() -> str:
    return f"""\
| what | peer | peer ÷ jaxmusic |
| --- | --- | --- |
| ConvVAE step, batch 32 × 128 × 215 | PyTorch eager · tuned · compiled | {b_vae("Training", "ConvVAE, 128 × 215", "eager ÷ ours"):.2f} · {b_vae("Training", "ConvVAE, 128 × 215", "tuned ÷ ours"):.2f} · {b_vae("Training", "ConvVAE, 128 × 215", "compiled ÷ ours"):.2f} |
| JointVAE step, the same | PyTorch eager · tuned · compiled | {b_vae("Training", "JointVAE, 128 × 215 and 64", "eager ÷ ours"):.2f} · {b_vae("Training", "JointVAE, 128 × 215 and 64", "tuned ÷ ours"):.2f} · {b_vae("Training", "JointVAE, 128 × 215 and 64", "compiled ÷ ours"):.2f} |
| FC-VAE epoch | PyTorch eager · tuned · compiled | {b_vae("Training", "FC-VAE, 256 columns", "eager ÷ ours"):.2f} · {b_vae("Training", "FC-VAE, 256 columns", "tuned ÷ ours"):.2f} · {b_vae("Training", "FC-VAE, 256 columns", "compiled ÷ ours"):.2f} |
| MVAE · MMVAE · MoPoE · MVTCAE, three modalities of 64 columns | MultiVae, PyTorch eager | {_multivae("MVAE"):.1f} · {_multivae("MMVAE"):.1f} · {_multivae("MoPoE"):.1f} · {_multivae("MVTCAE"):.1f} |
| metadata classifier, batch 8, an epoch of 9,024 songs | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "metadata, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "metadata, PyTorch eager, fused Adam", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "metadata, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| lyrics classifier, 512 tokens, the same | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "lyrics, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "lyrics, PyTorch eager, fused Adam", "ratio to jaxmusic"):.2f} · {b_genre("One epoch at the document's size", "lyrics, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| combined classifier, the same | PyTorch eager · fused Adam · compiled | {b_genre("One epoch at the document's size", "combined, PyTorch eager", "ratio to jaxmusic"):.1f} · {b_genre("One epoch at the document's size", "combined, PyTorch eager, fused Adam", "ratio to jaxmusic"):.2f} · {b_genre("One epoch at the document's size", "combined, PyTorch torch.compile", "ratio to jaxmusic"):.1f} |
| files → 57 feature columns | librosa | {b_audio("Files → the 57 columns of features_30_sec.csv", "librosa, one spectrum shared", "ratio to jaxmusic"):.1f} |
| mel spectrogram and MFCC of waveforms | librosa, one process | {b_audio("Waveforms in memory → mel spectrogram in dB and 20 MFCC", "librosa, one process", "ratio to jaxmusic"):.1f} |
| files → musicnn embeddings | PyTorch, librosa in front | {b_sound("Files → the penultimate layer of musicnn", "PyTorch and librosa", "ratio to jaxmusic"):.1f} |
| embedding lyrics, MiniLM-L6 | PyTorch transformers | {b_text("Embedding lyrics of mixed lengths", "float32", "PyTorch ÷ ours"):.2f} |
| `python` to the end of a first FC-VAE epoch, cache warm: {b_start("From python to the end of an epoch", "the same, compilation cache warm", "seconds"):.1f} s | PyTorch eager | {b_start("From python to the end of an epoch", "PyTorch eager, the same epoch", "seconds").over(b_start("From python to the end of an epoch", "the same, compilation cache warm", "seconds")):.1f} |
"""


def store() -> str:
    return f"""\
A store of 20 GB on disk trains in {b_scaling("Training on a store that is larger than memory allows", "disk", "peak memory, MiB").over(1024):.1f} GiB of memory ([scaling](docs/scaling.md)). `python -m benchmarks` runs all.
"""
