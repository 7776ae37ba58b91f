"""linen modules: arrays in, arrays out. No losses, no optimisers, no files."""

from jaxmusic.models.dual import DualEncoder, DualEncoderOutput
from jaxmusic.models.genre import CombinedClassifier, LyricsClassifier, MetadataClassifier
from jaxmusic.models.joint import FUSIONS, Fusion, JointVAE, JointVAEOutput, start_from
from jaxmusic.models.vae import FCVAE, ConvVAE, VAEOutput, sample_latent

__all__ = [
    "FCVAE",
    "FUSIONS",
    "CombinedClassifier",
    "ConvVAE",
    "DualEncoder",
    "DualEncoderOutput",
    "Fusion",
    "JointVAE",
    "JointVAEOutput",
    "LyricsClassifier",
    "MetadataClassifier",
    "VAEOutput",
    "sample_latent",
    "start_from",
]
