"""Losses: functions of a model's outputs and a batch that return a scalar and metrics.

A batch may carry three entries that `training.fit` adds or that loaders give, and every loss here honours them:
`"row_mask"` `[batch]` bool (False on the filler rows of a last partial batch), `"masks"` modality → `[batch]` bool,
and `"step"` (the training step, for schedules). Means are over the rows that count, divided once by a guarded count.

A loss is a value: made twice of equal options it is equal, so that what is compiled for it is found again.
"""

from jaxmusic.losses.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Laplace,
    Likelihood,
    log_likelihood,
)
from jaxmusic.losses.multimodal import (
    beta_tc_elbo,
    dreg,
    iwae,
    multimodal_elbo,
    mvtcae_elbo,
    subset_elbo,
)
from jaxmusic.losses.objectives import (
    contrastive,
    cross_entropy,
    elbo,
    joint_elbo,
    reconstruction,
)
from jaxmusic.losses.pairs import info_nce, triplet
from jaxmusic.losses.parts import (
    REDUCTIONS,
    gaussian_divergence,
    kl_divergence,
    label_entropy,
    masked_mean,
    squared_error,
)
from jaxmusic.losses.terms import (
    ALIGNMENTS,
    alignment,
    divergence,
    expert_divergence,
    label_head,
    mixture_divergence,
    modality_error,
    negative_log_likelihood,
)
from jaxmusic.losses.value import (
    Loss,
    LossFunction,
    Schedule,
    loss,
    total,
    weighted,
)

__all__ = [
    "ALIGNMENTS",
    "REDUCTIONS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "Loss",
    "LossFunction",
    "Schedule",
    "alignment",
    "beta_tc_elbo",
    "contrastive",
    "cross_entropy",
    "divergence",
    "dreg",
    "elbo",
    "expert_divergence",
    "gaussian_divergence",
    "info_nce",
    "iwae",
    "joint_elbo",
    "kl_divergence",
    "label_entropy",
    "label_head",
    "log_likelihood",
    "loss",
    "masked_mean",
    "mixture_divergence",
    "modality_error",
    "multimodal_elbo",
    "mvtcae_elbo",
    "negative_log_likelihood",
    "reconstruction",
    "squared_error",
    "subset_elbo",
    "total",
    "triplet",
    "weighted",
]
