"""Multimodal VAEs: the models that are compared."""

MODELS = ("document", "average", "MVAE", "MMVAE", "MoPoE", "MVTCAE")
