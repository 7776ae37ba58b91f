"""Losses: functions of a model's outputs and a batch that return a scalar and metrics.

A batch may carry three entries that `training.fit` adds or that loaders give, and every loss here honours them:
`"row_mask"` `[batch]` bool (False on the filler rows of a last partial batch), `"masks"` modality → `[batch]` bool,
and `"step"` (the training step, for schedules). Means are over the rows that count, divided once by a guarded count.

A loss is a value: made twice of equal options it is equal, so that what is compiled for it is found again.
"""

from jaxmusic.losses.objectives import ALIGNMENTS, contrastive, cross_entropy, elbo, joint_elbo, reconstruction
from jaxmusic.losses.parts import REDUCTIONS, info_nce, kl_divergence, masked_mean, squared_error, triplet
from jaxmusic.losses.value import Loss, LossFunction, Schedule, loss

__all__ = [
    "ALIGNMENTS",
    "REDUCTIONS",
    "Loss",
    "LossFunction",
    "Schedule",
    "contrastive",
    "cross_entropy",
    "elbo",
    "info_nce",
    "joint_elbo",
    "kl_divergence",
    "loss",
    "masked_mean",
    "reconstruction",
    "squared_error",
    "triplet",
]
