"""Numbers of docs/fusion_recommender.md, see `docs/page_numbers.py`."""

from docs.page_numbers import report, table

million_song = report("fusion_recommender/million_song")
million_song_minilm = report("fusion_recommender/million_song_minilm")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.0002", "0.001", "0.2", "0.5", "61 %", "99 %"}


def what_the_runs_say_table() -> str:
    return table(
        million_song,
        "test accuracy",
        ["random", "artist"],
        [
            ("k = 6, rate 0.0002, p = 0.2 (`row1`)", "table1.row1.accuracy"),
            ("k = 6, rate 0.001, p = 0.5 (`row2`)", "table1.row2.accuracy"),
            ("k = 4 (`row3`)", "table1.row3.accuracy"),
            ("k = 3 (`row4`)", "table1.row4.accuracy"),
            ("k = 6, metadata only (`row2_metadata`)", "table1.row2_metadata.accuracy"),
        ],
        ".3f±",
    )


def what_the_runs_say_table_2() -> str:
    return table(
        million_song,
        "largest class's share",
        ["random", "artist"],
        [
            ("k = 6 (`row2`)", "table1.row2.majority"),
            ("k = 4 (`row3`)", "table1.row3.majority"),
            ("k = 3 (`row4`)", "table1.row4.majority"),
        ],
        ".3f±",
    )


def what_the_runs_say_table_3() -> str:
    return table(
        million_song,
        "mAP@500",
        ["random", "artist"],
        [
            ("random order (`random`)", "table2.random.map@500"),
            ("K-means labels, k = 6, no net (`labels`)", "table2.labels.map@500"),
            (
                "fusion net, k = 6, the document's recipe (`row2`)",
                "table2.row2.map@500",
            ),
            ("k = 4 (`row3`)", "table2.row3.map@500"),
            ("k = 3 (`row4`)", "table2.row4.map@500"),
            (
                "fusion net, k = 20, cosine (`soft_cosine`)",
                "table2.soft_cosine.map@500",
            ),
            (
                "cosine on the fused features (`raw_cosine`)",
                "table2.raw_cosine.map@500",
            ),
            ("tag vectors, cosine, no net (`tags`)", "table2.tags.map@500"),
            (
                "WMF factors by an MLP, cosine (`wmf_mlp_cosine`)",
                "table2.wmf_mlp_cosine.map@500",
            ),
            ("popularity (`popularity`)", "table2.popularity.map@500"),
            ("tag vectors + popularity (`hybrid_tags`)", "table2.hybrid_tags.map@500"),
            (
                "WMF factors by an MLP + popularity (`hybrid_wmf_mlp`)",
                "table2.hybrid_wmf_mlp.map@500",
            ),
            (
                "WMF itself, which sees the test songs' history (`wmf`)",
                "table2.wmf.map@500",
            ),
        ],
        ".4f±",
    )


def what_the_runs_say() -> str:
    return f"""\
- **The label is read off the artist.** Table 1's second row (k = 6) is right on {million_song("table1.row2.accuracy", "random"):.3f} of the test songs where artists may stand
  on both sides, and on {million_song("table1.row2.accuracy", "artist"):.3f} where none does, below the largest class's share. All four rows fall alike. Metadata alone is
  better than all features under the random split ({million_song("table1.row2_metadata.accuracy", "random"):.3f}), and worse by unheard artists ({million_song("table1.row2_metadata.accuracy", "artist"):.3f}).
- **A transformer does not make the lyrics help.** `word:count` through all-MiniLM-L6 in the place of TF-IDF and SVD ([25 epochs,
  three seeds](../reproductions/results/fusion_recommender/million_song_minilm/report.md)): {million_song_minilm("table1.row2.accuracy", "random"):.3f} with lyrics, {million_song_minilm("table1.row2_metadata.accuracy", "random"):.3f} without. Only
  one song in six has a bag of words.
- **The net's lists are far below popularity.** By the document's recipe (k = 6, dot product) mAP is {million_song("table2.row2.map@500", "random").over(million_song("table2.random.map@500", "random")):.1f} times that of a random
  order, and popularity's is {million_song("table2.popularity.map@500", "random").over(million_song("table2.row2.map@500", "random")):.1f} times as high. The document's {million_song("table2.row2.map@500", "random").part("reported"):.4f} was measured on other songs.
- **Longer training helps the labels and hurts the lists.** After 100 epochs the training accuracy is 1 and the test accuracy {million_song("table1.row2.accuracy", "random"):.3f};
  after 2,000 (one seed) it is {million_song("long.accuracy", "random"):.3f}, nearly all of it gained in the first hundred. The surer the probabilities, the less they
  tell songs apart: mAP is {million_song("sweep.6.dot"):.4f} after 25 epochs (two seeds) and {million_song("table2.row2.map@500", "random"):.4f} after 100.
- **More classes raise mAP**, as Table 2 and not the text has it: by cosine {million_song("sweep.2.cosine"):.3f} at k = 2, {million_song("sweep.6.cosine"):.3f} at 6, {million_song("sweep.20.cosine"):.3f} at 20, {million_song("sweep.50.cosine"):.3f} at 50 (two
  seeds).
- **What beats the recipe** (paired bootstrap, users drawn with all their seeds; random split and artist split): 20 classes with
  cosine by {million_song("paired.row2.soft_cosine", "random"):.3f} and {million_song("paired.row2.soft_cosine", "artist"):.3f}, tag vectors without any net by {million_song("paired.row2.tags", "random"):.3f} and {million_song("paired.row2.tags", "artist"):.3f}, cosine with popularity by {million_song("paired.row2.hybrid_fusion", "random"):.3f} and {million_song("paired.row2.hybrid_fusion", "artist"):.3f}.
- **What beats popularity:** across artists, tag vectors with popularity (by {million_song("paired.popularity.hybrid_tags", "artist"):.3f}, interval {million_song("paired.popularity.hybrid_tags", "artist").part("low"):.3f} to {million_song("paired.popularity.hybrid_tags", "artist").part("high"):.3f}); tag vectors alone are
  level with it ({million_song("paired.popularity.tags", "artist"):.3f}). Under the random split, WMF's factors predicted from the features by an MLP, with popularity ({million_song("paired.popularity.hybrid_wmf_mlp", "random"):.3f},
  {million_song("paired.popularity.hybrid_wmf_mlp", "random").part("low"):.3f} to {million_song("paired.popularity.hybrid_wmf_mlp", "random").part("high"):.3f}), which is the artist again: across artists they add nothing. With each user averaged over seeds first, so that
  those who play little count as much as those who play a lot, tag vectors alone are ahead of popularity across artists.
- **Inertia:** at k = 13 word vectors leave {million_song("clusters.word2vec.normalized.13"):.2f} of theirs, multi-hot vectors {million_song("clusters.multi-hot.normalized.13"):.2f}: 61 % less, not 99 %. The word vectors' elbow lies at
  {million_song("clusters.word2vec.elbow"):.0f}, inside the document's 10 to 20; that of multi-hot at {million_song("clusters.multi-hot.elbow"):.0f}, not 50.
- **Depth does not help.** Of twelve cells (30 epochs, one seed), one layer of 256 with dropout 0.2 has the highest validation
  accuracy, {million_song("search.9"):.3f}; trained on all training songs it is right on {million_song("search.test.best"):.3f} of the test songs, the document's five layers on {million_song("search.test.document"):.3f}.
- **Ways to fuse** (30 epochs, one seed, blocks not reduced): maximum {million_song("fusion.max.accuracy"):.3f}, minimum {million_song("fusion.min.accuracy"):.3f}, sum {million_song("fusion.add.accuracy"):.3f}, concatenation {million_song("fusion.concat.accuracy"):.3f}, gates {million_song("fusion.gated.accuracy"):.3f},
  mean {million_song("fusion.mean.accuracy"):.3f}, product {million_song("fusion.multiply.accuracy"):.3f}.
"""


def what_the_document_leaves_for_table() -> str:
    return f"""\
| idea | here |
| --- | --- |
| audio features (§5.5, 6) | declined: the Million Song Dataset comes without sound, so the two CNN rows of Table 2 are cited. What the sound tells is in the [other](joint_vae.md) [studies](hybrid_language_vae.md) |
| album covers, music videos (§6) | declined: the official files hold neither, nor links to any |
| more classes, with accuracy and mAP in balance (§5.5) | done: k from 2 to 50. mAP by cosine rises from {million_song("sweep.2.cosine"):.3f} to {million_song("sweep.50.cosine"):.3f}, against the text |
| what users' behaviour tells (§6) | done: popularity has mAP {million_song("table2.popularity.map@500", "random"):.3f} and factors of the plays themselves {million_song("table2.wmf.map@500", "random"):.3f}, the document's recipe {million_song("table2.row2.map@500", "random"):.3f} |
"""
