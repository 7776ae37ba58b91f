"""Joint VAE: the ways to run the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxmusic import models


class Variant(NamedTuple):
    """One way to run the pipeline; each field is a quirk of the document or a repair of one."""

    fit_on_all: bool = False  # train and score on all clips, as the document did, instead of on 70 % and the test part
    reduction: str = "mean"  # of the squared error: "mean" over elements, or "sum", which is the ELBO
    fusion: str = "average"  # of the JointVAE's posteriors
    contrastive_weight: float = 0.0  # of InfoNCE between the posterior means
    language_aware: bool = False  # stop words and tokens per language in TF-IDF

    @property
    def audio_arm(self) -> tuple[str, str]:
        """What of it concerns the models of sound alone; variants that share it share these models."""
        return "all" if self.fit_on_all else "split", self.reduction


VARIANTS = {
    "document": Variant(fit_on_all=True),
    "split": Variant(),
    "elbo": Variant(reduction="sum"),
    "info_nce": Variant(contrastive_weight=1.0),
    "language_aware": Variant(language_aware=True),
    **{fusion: Variant(fusion=fusion) for fusion in models.FUSIONS if fusion != "average"},
}


def shown_variant(chosen: Sequence[str]) -> str:
    """The variant whose arrays and examples are shown: the first with a split, else the first."""
    return next((name for name in chosen if not VARIANTS[name].fit_on_all), chosen[0])
