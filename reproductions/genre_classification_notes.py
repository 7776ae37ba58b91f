"""Genre classification reproduction: what the document states, what is really there, and what is done about it."""

NOTES = [
    "Column `paper` does what the document did: random split, Adam made anew each epoch, padding averaged in, raw "
    "features, last epoch. Every other variant changes what its name says: `keep_optimizer` one Adam for the whole "
    "run; `mask_padding` the mean over real tokens; `scaled_features` features standardised on the training part; "
    "`small_embedding` embeddings from N(0, 0.1²); `best_epoch` the epoch of the lowest loss on a tenth of the "
    "training part; `stratified` and `artist_disjoint` the split; `repaired` all repairs but the last and the "
    "stratified split; `repaired_best_epoch`, `repaired_wide` and `repaired_artist` the same with that one, with "
    "metadata layers of 64, 32 and 16, and without shared artists. `vocabulary_threshold` (tokens under 50 "
    "occurrences share one row), `narrow`, `wide` and `deep` are the document's continuations.",
    "`train()` builds a new Adam for each epoch, so its moments restart; the document does not mention it.",
    "The mean runs over all 512 positions, padding included: the padding has a trained vector and dilutes the words.",
    "`accuracy()` never switches dropout off; until `per_class_accuracy` has run, the lyrics model is scored with it "
    "on. The last logged accuracy, .5627, and the final one, .5667, differ by that: the latter equals the hits by "
    "class (83 + 456 + 243 + 497 of 2,257). Both ways are reported; the accuracies of each epoch are without dropout "
    "here.",
    "The document has one run, no seed and no validation part; its best epochs were .5813, .6531 and .6642, chosen on "
    "the test part. Here: mean ± standard deviation over seeds that vary initialisation, batches and split.",
    "The reported accuracies of the three models are one run each: their Wilson intervals stand in the notes of the "
    "rows.",
    "Scalers, vocabularies trained here, TF-IDF and SVD are fitted on the training part. A song that occurs twice "
    "(same artist and title) stays on one side of every split.",
    "Initialisation is PyTorch's, which the document used: embeddings N(0, 1), linear layers uniform within "
    "±1/√inputs.",
    "Padding is not computed: its share of the mean is one vector times its number, under dropout one Binomial count "
    "for each unit. Embedding rows that no training lyric uses never move under Adam and are left out of it. Both are "
    "exact (the first in distribution where dropout draws).",
]
