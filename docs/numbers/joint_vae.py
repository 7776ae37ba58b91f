"""Numbers of docs/joint_vae.md, see `docs/page_numbers.py`."""

from docs.page_numbers import report

songs = report("joint_vae/clips_en_de")
beyond = report("joint_vae_beyond/clips_en_de")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {
    "0.024",
    "0.1",
    "0.2",
    "0.25",
    "0.5",
    "3.5",
    "3.7",
    "3.98",
    "4.52",
    "4.57",
    "4.66",
    "95 %",
    "98 %",
}


def what_the_runs_say() -> str:
    return f"""\
- **The averaged error collapses the models.** With squared error averaged over elements, as the document writes its loss, no
  unit of FC-VAE, ConvVAE or JointVAE stays active and nothing is reconstructed (error {songs("conv.mse", "document"):.2f} of a variance of 1). Silhouettes of
  these empty spaces are *high* (FC-VAE {songs("fc.kmeans.5.silhouette", "document"):.2f±}, where one cluster holds 98 % of the songs; JointVAE {songs("joint.kmeans.5.silhouette", "document"):.2f±}). With the error summed, all units are active, the
  ConvVAE's error falls to {songs("conv.mse", "elbo"):.2f}, and the K-means silhouettes ({songs("conv.kmeans.5.silhouette", "elbo"):.3f}, {songs("hybrid.kmeans.5.silhouette", "elbo"):.3f}, {songs("joint.kmeans.5.silhouette", "elbo"):.3f} for ConvVAE, hybrid and joint space) lie nearer
  to the reported {songs("conv.kmeans.5.silhouette", "elbo").part("reported"):.3f}, {songs("hybrid.kmeans.5.silhouette", "elbo").part("reported"):.3f} and {songs("joint.kmeans.5.silhouette", "elbo").part("reported"):.3f}. The document's code may well have summed; its text does not say so.
- **DBSCAN found no structure.** At eps 0.5 every song is noise in PCA and hybrid space, and the collapsed latents are one
  cluster: all such rows are degenerate. The reported scores have a signature: with m identical clips as one label and noise
  as the other, Calinski-Harabasz times Davies-Bouldin squared is about m. The four rows give 4.57, 3.98, 4.52 and 4.66.
  Planting m = 5, 6 and 10 copies of one real song gives {songs("duplicates.first.5.product"):.1f}, {songs("duplicates.first.6.product"):.1f} and {songs("duplicates.farthest.10.product"):.1f}, whichever song it is, and four copies give
  nothing, since `min_samples` is 5. Five identical clips (silence or repeats) explain the winning rows.
- **Retrieval stays at chance.** Recall@10 on 120 pairs of unheard artists is {songs("retrieval.lyrics_to_audio.recall@10", "split"):.3f±} (lyrics → audio), chance {songs("compare.lyrics_to_audio.recall@10.chance", "split"):.3f}, linear
  CCA {songs("compare.lyrics_to_audio.recall@10.cca", "split"):.3f±}. InfoNCE does not help here ({songs("retrieval.lyrics_to_audio.recall@10", "info_nce"):.3f±}): it falls from about 3.7 to 0.2 nats on the training batches
  (chance is log 32 = 3.5), so the 560 pairs are memorised and nothing carries over to unheard artists.
- **Part of what CCA finds is the language.** Among the pairs of one language its recall@10 is {songs("within.lyrics_to_audio.recall@10.cca", "split"):.2f±} against a chance of
  {songs("within.lyrics_to_audio.recall@10.chance", "split"):.3f}, a smaller lead than over all pairs ({songs("compare.lyrics_to_audio.recall@10.cca", "split"):.3f} against {songs("compare.lyrics_to_audio.recall@10.chance", "split"):.3f}).
- **More pairs would help, slowly.** From 50 to 560 training pairs CCA rises from {songs("pairs.50.cca/lyrics_to_audio"):.2f} to {songs("pairs.all.cca/lyrics_to_audio"):.2f}. Contrastive towers (600 steps at
  every number of pairs, the epoch with the lowest validation loss) stay within their spread of chance ({songs("pairs.50.towers/lyrics_to_audio"):.3f±} and
  {songs("pairs.all.towers/lyrics_to_audio"):.3f±}), yet their validation InfoNCE falls with every doubling, {songs("pairs.50.valid_info_nce"):.2f}, {songs("pairs.100.valid_info_nce"):.2f}, {songs("pairs.200.valid_info_nce"):.2f}, {songs("pairs.400.valid_info_nce"):.2f}, {songs("pairs.all.valid_info_nce"):.2f} nats: the data, not the
  loss, is what is short.
- **A constant beats the collapsed models, and the ELBO's lyrics too.** Predicting the training mean gives a lyrics error of
  {songs("joint.lyrics.mse_of_mean", "elbo"):.3f}; the collapsed JointVAE gives exactly that, the one with the summed error {songs("joint.lyrics.mse", "elbo"):.3f} on songs it has not seen. Its audio
  error, {songs("joint.audio.mse", "elbo"):.3f} against {songs("joint.audio.mse_of_mean", "elbo"):.3f}, is where it learns something.
- **A supervised classifier on two numbers a band does as well as any latent.** Genre on the test part: mel mean and
  deviation {songs("statistics.probe.genre", "elbo"):.2f±}, FC-VAE latents {songs("fc.probe.genre", "elbo"):.2f±} (summed error) or {songs("fc.probe.genre", "split"):.2f±} (averaged), joint latents {songs("joint.probe.genre", "elbo"):.2f}, always naming the
  most frequent class {songs("majority.probe.genre", "elbo"):.2f±}. Language sits in the words ({songs("lyrics.probe.language", "elbo"):.2f}), hardly in the sound ({songs("statistics.probe.language", "elbo"):.2f±}).
- **Latent size matters little, the KL's weight more.** The FC-VAE with 8 to 64 latents rebuilds equally well (error {songs("ablation.16.1.fc.mse"):.2f} to
  {songs("ablation.64.1.fc.mse"):.2f}) and tells genre equally well; β from 0.25 to 4 doubles the error ({songs("ablation.32.0.25.fc.mse"):.3f} to {songs("ablation.32.4.fc.mse"):.3f}) and the silhouette ({songs("ablation.32.0.25.silhouette"):.2f} to {songs("ablation.32.4.silhouette"):.2f}) while
  genre is told no better ({songs("ablation.32.0.25.probe/genre"):.2f} to {songs("ablation.32.4.probe/genre"):.2f}): a higher silhouette is not a better representation here.
- **TF-IDF keeps a third.** 64 components hold {songs("lyrics.explained_variance", "document"):.0%} to {songs("lyrics.explained_variance", "split"):.0%} of the variance, not 85–95 %.
"""


def what_the_document_leaves_for_table() -> str:
    return f"""\
| idea | here |
| --- | --- |
| seeds, a split, mean ± spread (§5.2) | done, in both studies: groups never cross, five seeds and more |
| ablation of latent size and KL weight (§5.2) | done: FC-VAE above; the JointVAE's R@10 is {beyond("retrieval.latent 8", "R@10 lyrics → audio"):.3f} with 8 latents and {beyond("retrieval.latent 64", "R@10 lyrics → audio"):.3f} with 64, {beyond("retrieval.β 0.1", "R@10 lyrics → audio"):.3f} at β = 0.1 and {beyond("retrieval.β 4", "R@10 lyrics → audio"):.3f} at β = 4, against {beyond("retrieval.base", "R@10 lyrics → audio"):.3f} |
| k-means++, spectral, supervised baselines (§5.2) | done: silhouette of the FC-VAE's space (k = 5, error summed) {songs("fc.kmeans.5.silhouette", "elbo"):.3f} by k-means++, {songs("fc.spectral.5.silhouette", "elbo"):.3f} by spectral clustering, {songs("fc.kmeans_random.5.silhouette", "elbo"):.3f} by K-means from random starts; beside them a CNN on genre, PCA, CCA and a dual encoder |
| labels for scoring (§5.2) | done where the data has them: genre and language, ARI, NMI, a linear probe |
| choosing by a validation part (§3.4.1) | done: the variant chosen in each seed by its validation part reaches R@10 {beyond("retrieval.chosen by validation", "R@10 lyrics → audio"):.3f}, chance {beyond("retrieval.chance", "R@10 lyrics → audio"):.3f} |
| language detection, stop words and tokens per language (§5.3) | the variant `language_aware`; the committed runs leave it out |
| pretrained sentence encoder for TF-IDF (§5.3, 5.5) | done: R@10 {beyond("retrieval.sentence encoder", "R@10 lyrics → audio"):.3f} against {beyond("retrieval.TF-IDF lyrics", "R@10 lyrics → audio"):.3f} |
| a language model fine-tuned on lyrics (§5.3, 5.5) | declined: lyrics of 800 songs do not train one, and whether a larger corpus may be used is not settled |
| phase, raw waveforms (§5.3) | declined: with some 570 training pairs the inputs that need no training win already; phase alone is rebuilt by `audio.griffinlim` |
| licence and source of lyrics (§5.4) | done: a data set's own note on its source is in the report; the repository holds no lyrics but generated ones |
| contrastive joint learning (§4.4.4, 5.5) | done: InfoNCE, R@10 {beyond("retrieval.base", "R@10 lyrics → audio"):.3f} against {beyond("retrieval.poe, reconstruction only", "R@10 lyrics → audio"):.3f} by reconstruction alone; triplets {beyond("retrieval.triplet", "R@10 lyrics → audio"):.3f} |
| larger data sets (§5.5) | declined, since none is available: the learning curve says that each doubling of the pairs adds 0.024 |
| retrieval in both directions (§5.5) | done: R@10 audio → lyrics {beyond("retrieval.chosen by validation", "R@10 audio → lyrics"):.3f} |
| temporal modelling (§5.5) | done: a Transformer over 32 averaged frames, R@10 {beyond("retrieval.transformer", "R@10 lyrics → audio"):.3f}; longer sequences are for accelerators |
| weak labels (§5.5) | done: a head on the training part's genres, genre NMI {beyond("space.labels", "genre NMI"):.3f} against {beyond("space.base", "genre NMI"):.3f}. Artists are declined as labels, they never cross the split; release dates are not in the data |
| better fusion, learned weights of the modalities (§4.4.4, 5.1, 5.5) | done: `gated` {beyond("retrieval.gated", "R@10 lyrics → audio"):.3f}, `attention` {beyond("retrieval.attention", "R@10 lyrics → audio"):.3f}, learned weights {beyond("retrieval.learned weights", "R@10 lyrics → audio"):.3f}, product of experts {beyond("retrieval.base", "R@10 lyrics → audio"):.3f} |
"""
