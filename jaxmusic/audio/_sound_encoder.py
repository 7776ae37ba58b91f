"""A name → one callable from sounds to vectors, with a record of what it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from jaxmusic.audio.checks import check_waveforms
from jaxmusic.audio.sound_features import (
    Computing,
    Sound,
    SoundFeatures,
    SoundNetwork,
    compute,
)

__all__ = ["SoundEncoder", "sound_encoder"]

Pooling = Literal["mean", "mean_std"]


class SoundEncoder:
    """Sounds → vectors. `sound_encoder` makes it.

    Attributes:
        network: the net, with its sampling rate and window.
        record: what is used, for reports: `encoder`, `width`, `pooling`, and what else identifies it; and
            `counts`, the sums over all calls so far (`sounds`, `skipped`, `padded`, `silent`, `windows`, `computed`,
            `from_cache`).
    """

    def __init__(
        self,
        network: SoundNetwork,
        *,
        pooling: Pooling = "mean",
        batch_size: int | None = None,
        duration: float | None = None,
        excerpts: int = 1,
        cache: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> None:
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling {pooling!r} is none of {', '.join(get_args(Pooling))}")
        self.network, self._pooling, self._progress = network, pooling, progress
        self._computing = Computing(network, batch_size, cache, duration=duration, excerpts=excerpts)
        names = ("sounds", "skipped", "padded", "silent", "windows", "computed", "from_cache")
        self.record: dict[str, Any] = {
            **network.record,
            "width": self.width,
            "pooling": pooling,
            "sampling_rate": network.sr,
            "window_seconds": network.window.samples / network.sr,
            "tags": len(network.tags),
            "digest": network.digest[:16],
            "counts": dict.fromkeys(names, 0),
        }

    @property
    def digest(self) -> str:
        """Of the net's parameters and settings, the same on every machine."""
        return self.network.digest

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self.network.width * (2 if self._pooling == "mean_std" else 1)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """What the columns of `tags` stand for; empty for a net without tags."""
        return self.network.tags

    @property
    def description(self) -> str:
        """The record but its counts, in one line."""
        rest = (f"{name} {value}" for name, value in self.record.items() if name not in ("encoder", "counts"))
        return f"{self.record['encoder']} ({', '.join(rest)})"

    def features(self, sounds: Sequence[Sound] | np.ndarray, *, sr: int | None = None) -> SoundFeatures:
        """All that the net says of sounds, those left out that can't be read.

        Files are read piece by piece and their windows computed in batches of one shape, whatever their lengths: memory
        depends neither on the number of the files nor on their lengths.

        Args:
            sounds: paths of files, of the formats of `load`, or waveforms: `[samples]` arrays, or one `[n, samples]`.
            sr: sampling rate in Hz of waveforms; None: the net's. Files know theirs.

        Returns:
            `SoundFeatures`.

        Raises:
            TypeError: a sound is neither a path nor an array, or one path is given in place of a list.
            ValueError: no sounds, or a waveform that is empty, no float, of several channels, or holds NaN; names its
                position.
        """
        if isinstance(sounds, str | os.PathLike):
            raise TypeError(f"sounds is one path, {os.fspath(sounds)!r}: give a list")
        if not len(sounds):
            raise ValueError("no sounds given")
        if sr is not None and sr < 1:
            raise ValueError(f"sr must be positive, got {sr}")
        sounds = list(sounds)
        check_waveforms(sounds)
        found, counts = compute(sounds, self._computing, sr=sr, progress=self._progress)
        counts |= {
            "sounds": len(sounds),
            "skipped": len(found.skipped),
            "padded": int(found.is_padded.sum()),
            "silent": int(found.is_silent.sum()),
            "windows": int(found.windows.sum()),
        }
        for name, value in counts.items():
            self.record["counts"][name] += value
        return found

    def __call__(self, sounds: Sequence[Sound] | np.ndarray, *, sr: int | None = None) -> Float[np.ndarray, "n width"]:
        """`n` sounds → `[n, width]` float32: the mean over a sound's windows, and with `"mean_std"` the deviation
        behind it.

        Raises:
            TypeError: see `features`.
            ValueError: see `features`; or a file that can't be read: names it.
        """
        found = self._all(sounds, sr)
        return found.mean if self._pooling == "mean" else np.concatenate([found.mean, found.std], axis=1)

    def tags(self, sounds: Sequence[Sound] | np.ndarray, *, sr: int | None = None) -> Float[np.ndarray, "n n_tags"]:
        """`n` sounds → `[n, len(tag_names)]` float32: the mean probability of each tag.

        Raises:
            TypeError: see `features`.
            ValueError: see `features`; a file that can't be read, or a net without tags.
        """
        if not self.tag_names:
            raise ValueError(f"{self.record['encoder']} has no tags: musicnn's nets have")
        return self._all(sounds, sr).tags

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "n width"]:
        """`n` texts → `[n, width]` float32 in the space of the sounds' means, for their cosines.

        Raises:
            ValueError: the net has no tower for text.
        """
        if self.network.text is None:
            raise ValueError(
                f"{self.record['encoder']} has no tower for text: CLAP has; tags lead from words to sound, too "
                "(text.tag_weights)"
            )
        return self.network.text(texts)

    def _all(self, sounds: Sequence[Sound] | np.ndarray, sr: int | None) -> SoundFeatures:
        found = self.features(sounds, sr=sr)
        if found.skipped:
            _, name, reason = found.skipped[0]
            more = f" and {len(found.skipped) - 1} more" if len(found.skipped) > 1 else ""
            raise ValueError(f"{name}: {reason}{more}; leave it away, or take features(…), which skips it")
        return found


def sound_encoder(
    name: str | os.PathLike[str],
    *,
    network: Callable[[str], SoundNetwork],
    pooling: Pooling = "mean",
    batch_size: int | None = None,
    duration: float | None = None,
    excerpts: int = 1,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> SoundEncoder:
    """One callable from sounds to vectors.

    Args:
        name: what `network` opens; for `models.sound_network` `"musicnn-msd"`, `"musicnn-mtt"` or their VGGs
            (`"musicnn-msd-vgg"`, `"musicnn-mtt-vgg"`), a folder of `models.save`, or a CLAP model, by its folder or its
            name on the hub.
        network: `models.sound_network`, or one's own; `audio` does not import `models`.
        pooling: how a sound's windows become one vector: their mean, or mean and deviation (twice as wide).
        batch_size: windows computed at once; None: as many as hold 2^19 samples on CPU, 2^23 elsewhere.
        duration: seconds heard of each file; None: all. Waveforms are heard whole.
        excerpts: equal parts that the duration is taken in, of longer files: see `load`.
        cache: folder that keeps what was found in each file, by its content and the net; a run that was interrupted
            goes on where it stopped.
        progress: show a progress bar.

    Returns:
        A `SoundEncoder`.

    Raises:
        ModuleNotFoundError: the package of a name is not installed; says the command.
        FileNotFoundError: no such folder, and the hub has no such model at hand.
        ValueError: an unknown pooling, a batch size below 1, a duration that is not above 0, several excerpts without
            one, or a folder that can't be read.
    """
    return SoundEncoder(
        network(os.fspath(name)),
        pooling=pooling,
        batch_size=batch_size,
        duration=duration,
        excerpts=excerpts,
        cache=cache,
        progress=progress,
    )
