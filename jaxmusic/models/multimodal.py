"""A VAE of any number of modalities with one latent space, made of the caller's encoders and decoders."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from flax.core import FrozenDict
from jaxtyping import Array, Float

from jaxmusic.models.draws import Draws
from jaxmusic.models.fusion import PosteriorFusion, Product
from jaxmusic.models.gaussian_mixture import GaussianMixture
from jaxmusic.models.layers import split_gaussian
from jaxmusic.models.vae import sample_latent


class MultimodalVAEOutput(NamedTuple):
    """What a MultimodalVAE returns.

    Attributes:
        recon: modality → the decoder's output for `z`, for a Gaussian decoder shaped as the input.
        mean: `[batch, latent_dim]`, mean of the joint q(z|x); of a mixture, of the component that was drawn.
        logvar: `[batch, latent_dim]`, its log-variance.
        z: `[batch, latent_dim]`, one sample.
        posteriors: modality → (mean, logvar) of that modality alone, each `[batch, latent_dim]`; where its mask is off
            it means nothing.
        logits: `[batch, classes]` of the label head on the joint mean; None without one.
        log_scales: modality → scalar, the logarithm by which the decoder's variance (or scale) is multiplied; None
            where it is fixed.
        mixture: the joint q(z|x) as a whole, every component of it.
        component: `[batch]` int, which component of `mixture` was drawn; None where there is one.
        draws: further samples, where the model takes them.
    """

    recon: dict[str, Array]
    mean: Array
    logvar: Array
    z: Array
    posteriors: dict[str, tuple[Array, Array]]
    logits: Array | None = None
    log_scales: dict[str, Array] | None = None
    mixture: GaussianMixture | None = None
    component: Array | None = None
    draws: Draws | None = None


class MultimodalVAE(nn.Module):
    """One latent space for any modalities; any subset of them encodes, any of them decodes.

    Takes its noise from the rng stream `"latent"`. What a mask hides may be anything, NaN included. A row that has no
    modality at all gets the prior N(0, 1). Every name has its own parameters, `<name>_encoder` and `<name>_decoder`,
    even where two names are given one module.

    >>> import jax
    >>> from jaxmusic.models import MLP
    >>> names = ("sound", "words", "tags")
    >>> model = MultimodalVAE(
    ...     encoders={name: MLP((16, 4)) for name in names}, decoders={name: MLP((16, 5)) for name in names},
    ...     latent_dim=2,
    ... )
    >>> keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    >>> output, _ = model.init_with_output(keys, {name: jnp.ones((3, 5)) for name in names})
    >>> output.z.shape, output.recon["tags"].shape
    ((3, 2), (3, 5))

    Attributes:
        encoders: modality → module that maps its input `[batch, …]` to mean and log-variance, each
            `[batch, latent_dim]`, or to both side by side `[batch, 2 · latent_dim]`. Where its `__call__` takes `train`
            or `mask`, it gets `train` or the modality's `element_masks`.
        decoders: modality → module that maps `[batch, latent_dim]` to the parameters of that modality's likelihood:
            its mean, or logits. A modality may have an encoder and no decoder, but not the other way round.
        fusion: of the posteriors, such as `Product()` or `Mixture()`.
        latent_dim: number of latent dimensions.
        draws: `ComponentDraws` or `SubsetDraws`, for objectives that need more than one draw; None takes one.
        classes: of a linear label head on the joint mean, for weak labels; 0 for none.
        learned_scales: modalities whose decoder's variance (or scale) is learned with the rest, and with it the weight
            of their reconstruction (Kendall et al. 2018; Rybkin et al. 2021).
        element_masks: modality → key of the masks that says which of its elements count, such as frames.
    """

    encoders: Mapping[str, nn.Module]
    decoders: Mapping[str, nn.Module]
    fusion: PosteriorFusion = Product()
    latent_dim: int = 32
    draws: nn.Module | None = None
    classes: int = 0
    learned_scales: Sequence[str] = ()
    element_masks: Mapping[str, str] = FrozenDict()

    def __post_init__(self) -> None:
        # Hashable, so that what is compiled for a module is found again.
        for name in ("encoders", "decoders", "element_masks"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))
        object.__setattr__(self, "learned_scales", tuple(self.learned_scales))
        self._check()
        super().__post_init__()

    def setup(self) -> None:
        for role, modules in (("encoder", self.encoders), ("decoder", self.decoders)):
            for name in sorted(modules):
                # Under a name of its own, whatever the module was called before.
                setattr(self, f"{name}_{role}", modules[name].clone(parent=None, name=None))
        self.fuse = self.fusion.clone(parent=None, name=None)
        if self.draws is not None:
            self.further = self.draws.clone(parent=None, name=None)
        if self.classes:
            self.label_head = nn.Dense(self.classes)
        if self.learned_scales:
            self.log_scales = self.param("log_scales", nn.initializers.zeros, (len(self.learned_scales),))

    def _check(self) -> None:
        if not self.encoders:
            raise ValueError("a multimodal VAE needs an encoder at least: encoders={name: module}")
        for what, names in (("decoder", self.decoders), ("element mask", self.element_masks)):
            if without := sorted(set(names) - set(self.encoders)):
                raise ValueError(f"{what} without an encoder: {without}; encoders are {sorted(self.encoders)}")
        if without := sorted(set(self.learned_scales) - set(self.decoders)):
            raise ValueError(
                f"learned_scales of {without}, which have no decoder; decoders are {sorted(self.decoders)}"
            )
        if wrong := [name for name in self.encoders if not name or "/" in name]:
            raise ValueError(f"names of modalities must not be empty or hold '/', got {wrong}")
        if self.latent_dim < 1:
            raise ValueError(f"latent_dim must be 1 or more, got {self.latent_dim}")

    def posteriors(
        self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None, train: bool = False
    ) -> dict[str, tuple[Array, Array]]:
        """Modality → (mean, logvar) of q(z | that modality alone), for the modalities in `inputs`.

        Args:
            inputs: see `encode`.
            masks: see `encode`.
            train: whether dropout applies.
        """
        self._check_inputs(inputs, masks)
        return {name: self._encode(name, inputs[name], masks or {}, train) for name in sorted(inputs)}

    def _check_inputs(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None) -> None:
        names = sorted(self.encoders)
        if not inputs or (unknown := sorted(set(inputs) - set(names))):
            what = f"{unknown}, which have no encoder" if inputs else "no modality"
            raise ValueError(f"inputs hold {what}; encoders are {names}")
        rows = {name: x.shape[0] for name, x in inputs.items()}
        if len(set(rows.values())) > 1:
            raise ValueError(f"inputs have different numbers of rows: {rows}")
        for name, mask in (masks or {}).items():
            if name in rows and mask.shape != (rows[name],):
                raise ValueError(f"mask of {name!r} has shape {mask.shape}, its inputs have {rows[name]} rows")

    def _encode(self, name: str, x: Array, masks: Mapping[str, Array], train: bool) -> tuple[Array, Array]:
        encoder = getattr(self, f"{name}_encoder")
        if name in masks:
            # Before the encoder: behind it, a hidden NaN would still reach the gradient as 0 · NaN.
            x = jnp.where(masks[name].astype(bool).reshape(-1, *(1,) * (x.ndim - 1)), x, jnp.zeros_like(x))
        accepted = inspect.signature(type(encoder).__call__).parameters
        options: dict[str, Any] = {"train": train} if "train" in accepted else {}
        if "mask" in accepted and self.element_masks.get(name) in masks:
            options["mask"] = masks[self.element_masks[name]]
        try:
            encoded = encoder(x, **options)
        except ValueError as error:
            error.add_note(f"in the encoder of {name!r}")
            raise
        mean, logvar = encoded if isinstance(encoded, tuple | list) else split_gaussian(encoded)
        if mean.shape != (x.shape[0], self.latent_dim) or logvar.shape != mean.shape:
            raise ValueError(
                f"the encoder of {name!r} gives mean {mean.shape} and logvar {logvar.shape}, not "
                f"{(x.shape[0], self.latent_dim)}: latent_dim is {self.latent_dim}"
            )
        return mean, logvar

    def _stacked(
        self, posteriors: Mapping[str, tuple[Array, Array]], masks: Mapping[str, Array] | None
    ) -> tuple[Array, Array, Array]:
        """`[modalities, batch, …]` means, logvars and mask of all modalities.

        Modalities that are left out are absent ones, so that the fusion's own parameters keep their shape.
        """
        if masks is not None and (missing := sorted(set(posteriors) - set(masks))):
            raise ValueError(f"no mask for {missing}: give each modality a bool array [batch]")
        some = next(iter(posteriors.values()))[0]
        absent = (jnp.zeros_like(some), jnp.zeros_like(some))
        names = sorted(self.encoders)
        means, logvars = (jnp.stack([posteriors.get(name, absent)[i] for name in names]) for i in (0, 1))
        everywhere, nowhere = jnp.ones(some.shape[0], bool), jnp.zeros(some.shape[0], bool)
        present = [
            nowhere if name not in posteriors else everywhere if masks is None else masks[name].astype(bool)
            for name in names
        ]
        return means, logvars, jnp.stack(present)

    def encode(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> tuple[Array, Array]:
        """Mean and log-variance of the joint q(z|x), each `[batch, latent_dim]`.

        Args:
            inputs: modality → `[batch, …]`, any subset of those with an encoder.
            masks: modality → `[batch]` bool, True where the row has it, and what `element_masks` names; None means that
                every row has all of `inputs`.
        """
        return self.fuse(*self._stacked(self.posteriors(inputs, masks), masks))

    def encode_mixture(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> GaussianMixture:
        """The joint q(z|x) as a whole: its components and their weights.

        Args:
            inputs: see `encode`.
            masks: see `encode`.
        """
        return self.fuse.components(*self._stacked(self.posteriors(inputs, masks), masks))

    def classify(self, mean: Float[Array, "batch latent"]) -> Float[Array, "batch classes"]:
        """The label head's logits for joint means.

        Args:
            mean: `[batch, latent_dim]`.

        Returns:
            `[batch, classes]`.

        Raises:
            ValueError: the model has no label head.
        """
        if not self.classes:
            raise ValueError("this model has no label head: make it with classes > 0")
        return self.label_head(mean)

    def decode(self, z: Float[Array, "batch latent"], modality: str) -> Array:
        """The reconstruction of `modality` from `z`.

        Args:
            z: `[batch, latent_dim]`.
            modality: one of those with a decoder.

        Returns:
            `[batch, …]`, what that decoder gives.

        Raises:
            ValueError: another modality.
        """
        if modality not in self.decoders:
            raise ValueError(f"modality {modality!r} has no decoder; decoders are {sorted(self.decoders)}")
        return getattr(self, f"{modality}_decoder")(z)

    def decoder_log_scales(self) -> dict[str, Array] | None:
        """Modality → logarithm by which its decoder's variance (or scale) is multiplied; None where all are fixed."""
        return {name: self.log_scales[i] for i, name in enumerate(self.learned_scales)} or None

    def __call__(
        self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None, train: bool = False
    ) -> MultimodalVAEOutput:
        """Encode what is there, fuse, draw z, decode every modality.

        Args:
            inputs: see `encode`.
            masks: see `encode`.
            train: whether dropout applies, from the rng stream `"dropout"`.

        Returns:
            `MultimodalVAEOutput`.

        Raises:
            ValueError: inputs of unknown modalities or other sizes, a modality without its mask, a mask of another
                length, an encoder of another latent size.
        """
        posteriors = self.posteriors(inputs, masks, train)
        stacked = self._stacked(posteriors, masks)
        mixture = self.fuse.components(*stacked)
        mean, logvar, component = self.fuse.draw(mixture)
        z = sample_latent(self.make_rng("latent"), mean, logvar)
        recon = {name: self.decode(z, name) for name in sorted(self.decoders)}
        logits = self.classify(mean) if self.classes else None
        scales = self.decoder_log_scales()
        draws = None if self.draws is None else self._decoded(self.further(self.fuse, *stacked))
        return MultimodalVAEOutput(recon, mean, logvar, z, posteriors, logits, scales, mixture, component, draws)

    def _decoded(self, draws: Draws) -> Draws:
        """The draws with what every decoder makes of them."""
        strata, samples = draws.z.shape[:2]
        flat = draws.z.reshape(-1, self.latent_dim)
        recon = {name: self.decode(flat, name) for name in sorted(self.decoders)}
        return draws._replace(recon={k: v.reshape(strata, samples, -1, *v.shape[1:]) for k, v in recon.items()})
