"""Joint VAE: the ways to run the pipeline. Of its loss the document writes ‖x − x̂‖², and calls it a mean."""

from __future__ import annotations

from typing import NamedTuple

from documents.readings import READINGS
from jaxmusic import models


class Variant(NamedTuple):
    """One way to run the pipeline; each field is a quirk of the document or a repair of one."""

    reading: str = "mean_sum"  # of the loss
    fit_on_all: bool = False  # train and score on all clips, as the document did, instead of on 70 % and the test part
    fusion: str = "average"  # of the JointVAE's posteriors
    contrastive_weight: float = 0.0  # of InfoNCE between the posterior means
    language_aware: bool = False  # stop words and tokens per language in TF-IDF

    @property
    def inputs(self) -> tuple[bool, bool]:
        """What decides on which rows and words everything is fitted; variants that share it share what needs no net."""
        return self.fit_on_all, self.language_aware

    @property
    def sound(self) -> str:
        """What of it concerns the models of sound alone; variants that share it share these models."""
        return f"{'all' if self.fit_on_all else 'split'}-{self.reading}"

    @property
    def objective(self) -> Variant:
        """What of it is compiled: the same on all clips and on a part of them."""
        return self._replace(fit_on_all=False, language_aware=False)


VARIANTS = {
    **{name: Variant(name, fit_on_all=True) for name in READINGS},
    **{f"{name}_split": Variant(name) for name in READINGS},
    "info_nce": Variant(contrastive_weight=1.0),
    "language_aware": Variant(language_aware=True),
    **{fusion: Variant(fusion=fusion) for fusion in models.FUSIONS if fusion != "average"},
}
