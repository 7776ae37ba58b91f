"""Numbers of docs/hybrid_language_vae.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark, report

feature_tables_e5 = report("hybrid_language_vae/feature_tables_e5")
feature_tables = report("hybrid_language_vae/feature_tables")
gtzan_audio_15s = report("hybrid_language_vae/gtzan_audio_15s")
gtzan_audio = report("hybrid_language_vae/gtzan_audio")
b_vae = benchmark("vae-amd-epyc-2-cores")
clips_en_de = report("joint_vae_beyond/clips_en_de")
synthetic = report("joint_vae_beyond/synthetic")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.25", "0.5"}


def what_the_runs_say() -> str:
    return f"""\
- **Table 2 was scored in another space than it was clustered in.** K-means on the audio features has silhouette {feature_tables("raw.own.silhouette", "document"):.3f±}
  in its own space and {feature_tables("raw.hybrid.silhouette", "document"):.3f±} in the hybrid space; the document reports {feature_tables("raw.hybrid.silhouette", "document").part("reported"):.3f}. Every method on audio does the same
  (PCA {feature_tables("pca.own.silhouette", "document"):.3f} and {feature_tables("pca.hybrid.silhouette", "document"):.3f}, spectral {feature_tables("spectral.own.silhouette", "document"):.3f} and {feature_tables("spectral.hybrid.silhouette", "document"):.3f}).
- **The winning silhouette needs few sentences and no alignment.** Ward on hybrid features reports {feature_tables("agglomerative.hybrid.silhouette", "document").part("reported"):.4f} with ARI {feature_tables("agglomerative.adjusted_rand", "document").part("reported"):.4f}. With
  eight distinct sentences it reaches {feature_tables("alignment.8.Ward.aligned.silhouette"):.2f} here when each track has its own text, with ARI {feature_tables("alignment.8.Ward.aligned.adjusted_rand"):.3f}, and {feature_tables("alignment.8.Ward.shuffled.silhouette"):.2f} when the text is
  shuffled among the tracks, with ARI {feature_tables("alignment.8.Ward.shuffled.adjusted_rand"):.3f}. With all 81 sentences it falls to {feature_tables("alignment.81.Ward.aligned.silhouette"):.2f}. A high silhouette beside an ARI of nothing
  is what text gives that does not belong to its track. Real sentence embeddings (multilingual-e5-small) say the same: with eight
  sentences {feature_tables_e5("alignment.8.Ward.aligned.silhouette"):.2f} and ARI {feature_tables_e5("alignment.8.Ward.aligned.adjusted_rand"):.3f}, shuffled {feature_tables_e5("alignment.8.Ward.shuffled.silhouette"):.2f} and ARI {feature_tables_e5("alignment.8.Ward.shuffled.adjusted_rand"):.3f}, with all 81 {feature_tables_e5("alignment.81.Ward.aligned.silhouette"):.2f}.
- **Descriptors do tell the genre.** Each shares information with it (permutation p = {feature_tables("leakage.tempo.p_value"):.3f} for all four: tempo {feature_tables("leakage.tempo.mutual_information"):.2f} nats,
  energy {feature_tables("leakage.energy.mutual_information"):.2f}, brightness {feature_tables("leakage.brightness.mutual_information"):.2f}, rhythm {feature_tables("leakage.rhythm.mutual_information"):.2f}, against {feature_tables("leakage.tempo.expected"):.2f} by chance), and the sentence alone names one of 18 genres in {feature_tables("leakage.accuracy"):.1%} of
  the tracks, the largest genre having {feature_tables("leakage.majority"):.1%}. That the tests confirmed no correlation does not hold.
- **The averaged error collapses the VAEs here, too.** No unit of Basic, Conv or Conditional VAE stays active, the error is
  that of the mean ({feature_tables("state.basic.mse", "document"):.2f}), and the Basic VAE's empty space has silhouette {feature_tables("basic.own.silhouette", "document"):.2f} with ARI {feature_tables("basic.adjusted_rand", "document"):.3f}. With the error summed all 16
  units work (errors {feature_tables("state.basic.mse", "elbo"):.2f} and {feature_tables("state.conv.mse", "elbo"):.2f}), and the Basic VAE's clusters agree with genre as well as those of the raw features (ARI {feature_tables("basic.adjusted_rand", "elbo"):.3f±}
  against {feature_tables("raw.adjusted_rand", "elbo"):.3f±}).
- **By agreement with genre the baselines win**, as in the document: raw K-means {feature_tables("raw.adjusted_rand", "document"):.3f} (57 columns: {feature_tables("raw.adjusted_rand", "columns57"):.3f}), PCA {feature_tables("pca.adjusted_rand", "document"):.3f}; hybrid
  features {feature_tables("agglomerative.adjusted_rand", "document"):.3f}, since 384 text columns outweigh 26 of audio. Adaptive fusion puts {feature_tables("attention.text", "elbo"):.0%} of its attention on them.
- **Given true labels, the Conditional VAE holds less genre, not more.** ARI {feature_tables("conditional.adjusted_rand", "elbo"):.3f} with true labels, {feature_tables("conditional_marginal.adjusted_rand", "elbo"):.3f} with labels
  marginalised, {feature_tables("conv.adjusted_rand", "elbo"):.3f} for the Conv VAE without labels. A linear classifier tells genre from its marginalised latents at {feature_tables("probe.genre.conditional_marginal", "elbo"):.0%},
  from the Conv VAE's at {feature_tables("probe.genre.conv", "elbo"):.0%}, from the features at {feature_tables("probe.genre.raw", "elbo"):.0%}.
- **Language is partly the tool chain.** A linear classifier tells it from 26 MFCC columns at {feature_tables("probe.language.raw", "elbo"):.0%}, from 57 at {feature_tables("probe.language.raw", "columns57"):.0%}; the two
  tables were computed from differently made recordings, by different versions of a library, so this is no measure of music.
- **β does not disentangle here.** MIG {feature_tables("disentanglement.β = 0.5.mig"):.3f±} at best (β = 0.5), {feature_tables("disentanglement.β = 1.mig"):.3f±} at β = 1, {feature_tables("disentanglement.β = 4.mig"):.3f} at β = 4, PCA {feature_tables("disentanglement.PCA.mig"):.3f±}.
"""


def what_the_document_leaves_for_table() -> str:
    return f"""\
| idea | here |
| --- | --- |
| hyperparameter search (appendix) | done: latents of 8, 16 and 32, β of 1, 2 and 4, two learning rates, five seeds each |
| mutual information gap (appendix) | done, for every model: {feature_tables("state.basic.mig", "elbo"):.3f} for the Basic VAE with the error summed |
| adaptive fusion (appendix) | done: ARI {feature_tables("adaptive.adjusted_rand", "elbo"):.3f} with genre, below the features' own {feature_tables("raw.adjusted_rand", "elbo"):.3f} |
| the best β (§7) | done: β from 0.25 to 8. MIG is highest at 0.5 ({feature_tables("disentanglement.β = 0.5.mig"):.3f}) and nearly gone at 8 ({feature_tables("disentanglement.β = 8.mig"):.3f}); PCA has {feature_tables("disentanglement.PCA.mig"):.3f} |
| Transformer VAE for longer contexts (§7) | tried on other songs, with a time axis: [a Transformer over mel frames](beyond.md) finds {clips_en_de("retrieval.transformer", "R@10 lyrics → audio"):.3f} of the pairs where pooled statistics find {clips_en_de("retrieval.base", "R@10 lyrics → audio"):.3f}. Here a track is one vector of 3 seconds: there is no context to read |
| longer segments, hierarchies of them (§6.2.2) | longer: done. On 100 GTZAN clips 15 s tell genre better than 3 s: ARI of K-means {gtzan_audio_15s("raw.adjusted_rand", "document"):.3f±} against {gtzan_audio("raw.adjusted_rand", "document"):.3f±}, on PCA {gtzan_audio_15s("pca.adjusted_rand", "document"):.3f±} against {gtzan_audio("pca.adjusted_rand", "document"):.3f±}. Hierarchies are declined: the feature tables hold one row a track, and BanglaBeats' audio is not at hand |
| semi-supervised, few labels (§7) | done on other data: [a label head](beyond.md) lifts genre NMI to {synthetic("space.labels", "genre NMI"):.3f} on the embedded corpus ({synthetic("space.base", "genre NMI"):.3f} without), and leaves it at {clips_en_de("space.labels", "genre NMI"):.3f} on 800 real songs ({clips_en_de("space.base", "genre NMI"):.3f}) |
| descriptors of Bangla music, microtones, tāla (§6.2.1, 7) | declined: they need recordings whose rāga and tāla are known, to tell a descriptor that works from one that does not |
| incremental clustering of a stream (§7) | done: K-means that sees the training rows once, batch by batch, has ARI {feature_tables("incremental.100% seen, batch by batch.adjusted_rand"):.3f} with genre on the test part, K-means of them all {feature_tables("incremental.all at once.adjusted_rand"):.3f}; the two agree by {feature_tables("incremental.100% seen, batch by batch.agreement"):.2f} |
| distillation, progressive training (§6.2.3) | declined: training is not what costs. The Basic VAE takes {b_vae("Training", "Basic VAE, 436 columns", "samples per second"):,.0f} tracks a second on two CPU cores, and scoring takes longer than all models of a variant |
"""
