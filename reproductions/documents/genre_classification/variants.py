"""Genre classification: models, genres and the ways to train."""

from __future__ import annotations

from typing import NamedTuple

MODELS = ("lyrics", "metadata", "combined")
# The document's order of the four; the seven are in the table's alphabetical order.
GENRE_SETS = {
    "four": ("hip hop", "jazz", "reggae", "rock"),
    "seven": ("blues", "country", "hip hop", "jazz", "pop", "reggae", "rock"),
}


class Variant(NamedTuple):
    """One way to train; each field is a quirk of the document, a repair of one, or a continuation that it names."""

    split: str = "random"  # or "stratified", or "artist" (no artist on both sides)
    reset_optimizer_each_epoch: bool = True
    mask_padding: bool = False
    scaled_features: bool = False
    best_epoch: bool = False  # of the lowest loss on a tenth of the training part, instead of the last
    embedding_scale: float = 1.0  # standard deviation of the embedding at the start
    min_frequency: int = 1  # rarer tokens share one row
    embedding_dim: int = 32
    widths: tuple[int, ...] = (18, 12, 8)
    batch_size: int | None = None  # None: the config's
    mixup: float = 0.0  # parameter of the Beta distribution by which features and labels of two songs mix; 0: none do


# Without `best_epoch`: a tenth of few songs chooses an early epoch and is missing from the training part, which costs
# more than the late epochs' overfitting.
_REPAIRED = Variant(
    split="stratified", reset_optimizer_each_epoch=False, mask_padding=True, scaled_features=True, embedding_scale=0.1
)
VARIANTS = {
    "paper": Variant(),
    "keep_optimizer": Variant(reset_optimizer_each_epoch=False),
    "mask_padding": Variant(mask_padding=True),
    "scaled_features": Variant(scaled_features=True),
    "small_embedding": Variant(embedding_scale=0.1),
    "best_epoch": Variant(best_epoch=True),
    "stratified": Variant(split="stratified"),
    "artist_disjoint": Variant(split="artist"),
    "repaired": _REPAIRED,
    "repaired_best_epoch": _REPAIRED._replace(best_epoch=True),
    "repaired_wide": _REPAIRED._replace(widths=(64, 32, 16)),
    "repaired_artist": _REPAIRED._replace(split="artist"),
    "repaired_mixup": _REPAIRED._replace(mixup=0.2),
    "vocabulary_threshold": Variant(min_frequency=50),
    "narrow": Variant(embedding_dim=8),
    "wide": Variant(embedding_dim=128, widths=(64, 32, 16)),
    "deep": Variant(widths=(18, 18, 18, 12, 12, 8)),
}
# Fields that do nothing to a model: its rows would repeat the paper's.
_WITHOUT_EFFECT = {
    "lyrics": ("scaled_features", "widths", "mixup"),
    "metadata": ("mask_padding", "embedding_scale", "min_frequency", "embedding_dim"),
    "combined": ("mixup",),  # tokens do not mix
}


def concerns(model: str, name: str) -> bool:
    """Whether a variant changes anything for a model."""
    plain = Variant()
    changed = {f for f in Variant._fields if getattr(VARIANTS[name], f) != getattr(plain, f)}
    return name == "paper" or bool(changed - set(_WITHOUT_EFFECT[model]))
