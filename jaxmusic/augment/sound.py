"""Transforms of spectrograms and waveforms: masks, crops, gain, noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool

from jaxmusic.augment.entries import along_rows, find_array, replaced

SCALES = ("amplitude", "power", "decibel")
"""Scales of `Gain`: what a change in dB multiplies or is added to."""


@dataclass(frozen=True)
class SpecAugment:
    """Runs of consecutive frames, and of neighbouring bands, of each spectrogram are set to one value.

    Each row has masks of its own, which may overlap. Widths are uniform on {0, …, param − 1}, starts on all places at
    which the mask fits (the source's range, 0 to below size − width, never masks the last frame). The source's time
    warp is left out.

    Source: Park et al. (2019), "SpecAugment", §2.

    Attributes:
        time_mask_param: T, frames, at least 1 and at most those of the spectrogram.
        freq_mask_param: F, mel bands, the same.
        num_time_masks: masks of each row; 0 for none.
        num_freq_masks: the same for bands.
        mask_value: what masked cells hold; 0 is the mean of a standardised spectrogram.
        entry: a floating-point array `[batch, n_mels, frames]`.
    """

    time_mask_param: int
    freq_mask_param: int
    _: KW_ONLY
    num_time_masks: int = 1
    num_freq_masks: int = 1
    mask_value: float = 0.0
    entry: str | tuple[str, ...] = "inputs"

    def __post_init__(self) -> None:
        least = {"time_mask_param": 1, "freq_mask_param": 1, "num_time_masks": 0, "num_freq_masks": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"SpecAugment.{name} {getattr(self, name)} is below {bound}")

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        value = find_array(batch, self.entry)
        if value.ndim != 3:
            raise ValueError(f"entry {self.entry!r} has shape {list(value.shape)}, not [batch, n_mels, frames]")
        rows, n_mels, frames = value.shape
        if self.time_mask_param > frames or self.freq_mask_param > n_mels:
            raise ValueError(
                f"SpecAugment({self.time_mask_param}, {self.freq_mask_param}) wants masks wider than a spectrogram of "
                f"{frames} frames and {n_mels} mel bands, {self.entry!r}"
            )
        time_key, freq_key = jax.random.split(key)
        in_time = _spans(time_key, rows, frames, self.time_mask_param, self.num_time_masks)
        in_band = _spans(freq_key, rows, n_mels, self.freq_mask_param, self.num_freq_masks)
        masked = in_time[:, None, :] | in_band[:, :, None]
        return replaced(batch, self.entry, jnp.where(masked, jnp.asarray(self.mask_value, value.dtype), value))


@dataclass(frozen=True)
class RandomCrop:
    """A run of consecutive frames or samples of each row, its start uniform over all places at which it fits.

    In training the module sees `length` frames: one of fixed size is made for them, and validation data has as many.

    Source: Spijkervet and Burgoyne (2021), "Contrastive Learning of Musical Representations".

    Attributes:
        length: frames (samples) that stay; a shorter entry is refused.
        entry: a `[batch, …, time]` array, a spectrogram or a waveform.
        frame_mask: entry `[batch, …, time]` bool, True on a clip's own frames, the first ones: cropped as well, and
            crops then hold no padding but of clips shorter than `length`, which start at 0.
        aligned: further entries with the same time axis, such as a target, cropped at the same places.
    """

    length: int
    _: KW_ONLY
    entry: str | tuple[str, ...] = "inputs"
    frame_mask: str | tuple[str, ...] | None = None
    aligned: Sequence[str | tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"RandomCrop.length {self.length} is not a number of frames")
        object.__setattr__(self, "aligned", tuple(self.aligned))

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        entries = (self.entry, *([] if self.frame_mask is None else [self.frame_mask]), *self.aligned)
        values = [find_array(batch, entry, floating=False) for entry in entries]
        rows, size = values[0].shape[0], values[0].shape[-1]
        for entry, value in zip(entries, values, strict=True):
            if value.shape[-1] != size:
                raise ValueError(f"entry {entry!r} has {value.shape[-1]} frames and {self.entry!r} has {size}")
        if size < self.length:
            raise ValueError(f"RandomCrop.length {self.length} is more than the {size} frames of entry {self.entry!r}")
        last = jnp.full(rows, size - self.length)
        if self.frame_mask is not None:
            if values[1].dtype != bool:
                raise ValueError(f"RandomCrop.frame_mask {self.frame_mask!r} is {values[1].dtype}, not bool")
            own_frames = values[1].sum(-1).reshape(rows, -1)[:, 0]
            last = jnp.maximum(own_frames - self.length, 0)
        start = jax.random.randint(key, (rows,), 0, last + 1)
        for entry, value in zip(entries, values, strict=True):
            cut = jax.vmap(lambda x, at: lax.dynamic_slice_in_dim(x, at, self.length, axis=-1))(value, start)
            batch = replaced(batch, entry, cut)
        return dict(batch)


@dataclass(frozen=True)
class Gain:
    """Each row louder or softer by a gain uniform in dB.

    Source: Schlüter and Grill (2015); Spijkervet and Burgoyne (2021).

    Attributes:
        min_gain_db: dB, the least gain.
        max_gain_db: dB, the greatest.
        scale: what the entry holds: `"amplitude"` (a waveform or magnitudes: times 10^(gain / 20)), `"power"` (a power
            spectrogram: times 10^(gain / 10)) or `"decibel"` (plus gain). For a spectrogram in dB that was divided
            by a standard deviation, divide the bounds by it as well.
        entry: a floating-point array `[batch, …]`.
    """

    min_gain_db: float
    max_gain_db: float
    _: KW_ONLY
    scale: str = "amplitude"
    entry: str | tuple[str, ...] = "inputs"

    def __post_init__(self) -> None:
        _check_bounds("Gain", "gain_db", self.min_gain_db, self.max_gain_db)
        if self.scale not in SCALES:
            raise ValueError(f"Gain.scale {self.scale!r} is none of {SCALES}")

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        value = find_array(batch, self.entry)
        gain = jax.random.uniform(key, value.shape[:1], minval=self.min_gain_db, maxval=self.max_gain_db)
        if self.scale == "decibel":
            return replaced(batch, self.entry, value + along_rows(gain, value).astype(value.dtype))
        factor = 10.0 ** (gain / (20.0 if self.scale == "amplitude" else 10.0))
        return replaced(batch, self.entry, value * along_rows(factor, value).astype(value.dtype))


@dataclass(frozen=True)
class GaussianNoise:
    """White Gaussian noise added to each row at a signal-to-noise ratio uniform in dB.

    The noise's expected power is the mean square of the row's values, padding included, over 10^(SNR / 10): meant for
    waveforms and standardised spectrograms, whose mean is 0. A silent row stays silent. The noise's level is no
    function of the input to a gradient.

    Source: Spijkervet and Burgoyne (2021), "additive white Gaussian noise".

    Attributes:
        min_snr_db: dB, the loudest noise.
        max_snr_db: dB, the softest.
        entry: a floating-point array `[batch, …]`.
    """

    min_snr_db: float
    max_snr_db: float
    _: KW_ONLY
    entry: str | tuple[str, ...] = "inputs"

    def __post_init__(self) -> None:
        _check_bounds("GaussianNoise", "snr_db", self.min_snr_db, self.max_snr_db)

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        value = find_array(batch, self.entry)
        snr_key, noise_key = jax.random.split(key)
        snr = jax.random.uniform(snr_key, value.shape[:1], minval=self.min_snr_db, maxval=self.max_snr_db)
        power = jnp.square(value.astype(jnp.float32)).mean(tuple(range(1, value.ndim)))
        # The square root of a silent row's power has no finite gradient.
        deviation = lax.stop_gradient(jnp.sqrt(power) * 10.0 ** (-snr / 20.0)).astype(value.dtype)
        noise = jax.random.normal(noise_key, value.shape, value.dtype)
        return replaced(batch, self.entry, value + along_rows(deviation, value) * noise)


def _spans(key: Array, rows: int, size: int, param: int, count: int) -> Bool[Array, "rows size"]:
    """True inside `count` runs of each row, widths uniform on {0, …, param − 1}."""
    width_key, start_key = jax.random.split(key)
    width = jax.random.randint(width_key, (rows, count, 1), 0, param)
    start = jax.random.randint(start_key, width.shape, 0, size - width + 1)
    position = jnp.arange(size)
    return ((position >= start) & (position < start + width)).any(1)


def _check_bounds(owner: str, name: str, least: float, greatest: float) -> None:
    if not (math.isfinite(least) and math.isfinite(greatest) and least <= greatest):
        raise ValueError(f"{owner}.min_{name} {least} and max_{name} {greatest} are no finite bounds in this order")
