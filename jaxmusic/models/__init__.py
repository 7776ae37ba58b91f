"""linen modules: arrays in, arrays out; `save` and `load` for a folder of one. No losses, no optimisers."""

from jaxmusic.models._sound_network import sound_network
from jaxmusic.models.adaptive import AdaptiveFusion, AdaptiveFusionOutput, AdaptiveFusionVAE
from jaxmusic.models.clap import ClapModel, ClapOutput
from jaxmusic.models.clap_config import ClapAudioConfig, ClapConfig
from jaxmusic.models.clap_weights import PretrainedClap, load_clap
from jaxmusic.models.draws import ComponentDraws, Draws, SubsetDraws
from jaxmusic.models.dual_encoder import DualEncoder, DualEncoderOutput
from jaxmusic.models.exports import register_outputs
from jaxmusic.models.fusion import (
    FUSIONS,
    Attention,
    Average,
    Fusion,
    Gated,
    Mixture,
    MixtureOfProducts,
    PosteriorFusion,
    Product,
)
from jaxmusic.models.fusion_classifier import MODALITY_FUSIONS, FusionClassifier, ResidualBlock
from jaxmusic.models.gaussian_mixture import GaussianMixture
from jaxmusic.models.genre import CombinedClassifier, LyricsClassifier, MetadataClassifier
from jaxmusic.models.joint import AUDIO_ENCODERS, JointVAE, JointVAEOutput, start_from
from jaxmusic.models.layers import MLP
from jaxmusic.models.multimodal import MultimodalVAE, MultimodalVAEOutput
from jaxmusic.models.music_cnn import MusicCNN, MusicCNNOutput, MusicVGG, MusicVGGOutput
from jaxmusic.models.musicnn_weights import MSD_TAGS, MTT_TAGS, convert_musicnn
from jaxmusic.models.saving import load, save
from jaxmusic.models.spectrogram_classifier import SpectrogramClassifier
from jaxmusic.models.temporal import TemporalEncoder
from jaxmusic.models.transformer import TextTransformer, TextTransformerOutput, stack_layers, unstack_layers
from jaxmusic.models.vae import FCVAE, ConvVAE, SpectrogramDecoder, SpectrogramEncoder, VAEOutput, sample_latent
from jaxmusic.models.vector_autoencoders import Autoencoder, AutoencoderOutput, ConditionalVAE, Conv1DVAE

__all__ = [
    "AUDIO_ENCODERS",
    "FCVAE",
    "FUSIONS",
    "MLP",
    "MODALITY_FUSIONS",
    "MSD_TAGS",
    "MTT_TAGS",
    "AdaptiveFusion",
    "AdaptiveFusionOutput",
    "AdaptiveFusionVAE",
    "Attention",
    "Autoencoder",
    "AutoencoderOutput",
    "Average",
    "ClapAudioConfig",
    "ClapConfig",
    "ClapModel",
    "ClapOutput",
    "CombinedClassifier",
    "ComponentDraws",
    "ConditionalVAE",
    "Conv1DVAE",
    "ConvVAE",
    "Draws",
    "DualEncoder",
    "DualEncoderOutput",
    "Fusion",
    "FusionClassifier",
    "Gated",
    "GaussianMixture",
    "JointVAE",
    "JointVAEOutput",
    "LyricsClassifier",
    "MetadataClassifier",
    "Mixture",
    "MixtureOfProducts",
    "MultimodalVAE",
    "MultimodalVAEOutput",
    "MusicCNN",
    "MusicCNNOutput",
    "MusicVGG",
    "MusicVGGOutput",
    "PosteriorFusion",
    "PretrainedClap",
    "Product",
    "ResidualBlock",
    "SpectrogramClassifier",
    "SpectrogramDecoder",
    "SpectrogramEncoder",
    "SubsetDraws",
    "TemporalEncoder",
    "TextTransformer",
    "TextTransformerOutput",
    "VAEOutput",
    "convert_musicnn",
    "load",
    "load_clap",
    "sample_latent",
    "save",
    "sound_network",
    "stack_layers",
    "start_from",
    "unstack_layers",
]

register_outputs(globals()[name] for name in __all__)
