"""Beyond the Joint VAE document: clips and lyrics → views of both, fitted on one fold's training rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
import runs

from documents import clips
from documents.joint_vae_beyond.config import Config, check
from documents.joint_vae_beyond.variants import Variant
from jaxmusic import audio, data, models, text
from jaxmusic.audio import mel_dynamics, mel_statistics
from jaxmusic.data.clip_files import find_media
from jaxmusic.data.preprocessing import fit_standardizer, fit_tempered_pca, pool_frames

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Prepared:
    """The data set before anything is fitted on a part of it."""

    dataset: data.Dataset
    spectrograms: np.ndarray  # [n, n_mels, frames] in dB, averaged in time
    frames: np.ndarray  # [n, frames] bool
    statistics: np.ndarray  # [n, 2·n_mels] mean and std per band in dB
    dynamics: np.ndarray  # [n, …] how the clip moves, `audio.mel_dynamics`
    lexical: np.ndarray  # [n, 6]
    sentences: np.ndarray | None  # [n, width] sentence embeddings; None without an encoder
    encoder: dict[str, Any]  # what the sentence encoder was, or why there is none
    sounds: np.ndarray | None  # [n, width] embeddings by a pretrained net; None without one
    hearing: dict[str, Any]  # what that net was, or why there is none
    more_lyrics: tuple[str, ...]  # lyrics that belong to no clip
    folds: tuple[np.ndarray, ...]  # rows of each, groups never crossing


def prepare(config: Config) -> Prepared:
    """Load the clips and compute what needs no fitting."""
    check(config)
    dataset = clips.load_clips(config.data, config.sound)
    mel, mask = dataset.modalities["audio"], dataset.masks["frames"]
    pooled, pooled_mask = pool_frames(mel, mask, min(config.frames, mel.shape[-1]))
    parts = [slice(start, start + _ROWS_AT_ONCE) for start in range(0, len(mel), _ROWS_AT_ONCE)]
    statistics = np.concatenate([np.asarray(mel_statistics(mel[rows], mask[rows])) for rows in parts])
    dynamics = np.concatenate([np.asarray(mel_dynamics(mel[rows], mask[rows])) for rows in parts])
    texts = [str(lyrics) for lyrics in dataset.modalities["lyrics"]]
    sentences, encoder = _sentences(config, texts)
    sounds, hearing = _sounds(config, dataset)
    more: tuple[str, ...] = ()
    if config.more_lyrics is not None:
        table = data.lyrics_table(config.more_lyrics, lyrics_only=True, progress=False)
        more = tuple(str(lyrics) for lyrics in table.modalities["lyrics"])
    # The same folds for every seed: together their test parts are the whole data set, each clip once.
    folds = data.split(jax.random.key(0), dataset, (1 / config.folds,) * config.folds)
    without_sound = clips.without_audio(dataset)
    return Prepared(
        without_sound,
        pooled,
        pooled_mask,
        statistics,
        dynamics,
        text.lexical_statistics(texts),
        sentences,
        encoder,
        sounds,
        hearing,
        more,
        folds,
    )


def fingerprint(prepared: Prepared) -> str:
    """Changes when the clips or the further lyrics do, and when a sentence encoder comes or goes."""
    of_clips = clips.fingerprint(prepared.dataset, prepared.spectrograms, prepared.statistics)
    others = runs.fingerprint(prepared.more_lyrics, prepared.sounds)[:8]
    return f"{of_clips}-{others}-{prepared.sentences is not None}"


def _sentences(config: Config, texts: list[str]) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Embeddings by a frozen encoder, kept in the cache folder if there is one; it is fitted on none of the texts."""
    if config.sentence_encoder == "none":
        return None, {"encoder": "none was asked for"}
    try:
        encoder = text.sentence_encoder(config.sentence_encoder, transformer=models.TextTransformer)
    except ModuleNotFoundError as error:
        return None, {"encoder": f"none: {error}"}
    # What the encoder counts depends on the cache, and the report should not.
    record = {key: value for key, value in encoder.record.items() if key != "counts"}
    if config.cache is None:
        return encoder(texts), record
    what = "\0".join([config.sentence_encoder, *texts])
    kept = config.cache / f"sentences-{hashlib.sha256(what.encode()).hexdigest()[:16]}.npy"
    if kept.exists():
        return np.load(kept, allow_pickle=False), record
    vectors = encoder(texts)
    config.cache.mkdir(parents=True, exist_ok=True)
    np.save(kept, vectors)
    return vectors, record


def _sounds(config: Config, dataset: data.Dataset) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Embeddings of the clips' files by a pretrained net, 0 for a clip without audio; nothing is fitted."""
    if config.sound_encoder == "none":
        return None, {"encoder": "none was asked for"}
    media = None if config.data is None else find_media(config.data, [])
    if media is None or media.layout == "mels":
        return None, {"encoder": "none: the clips have no audio files"}
    try:
        encoder = audio.sound_encoder(config.sound_encoder, network=models.sound_network, cache=config.cache)
    except ModuleNotFoundError as error:
        return None, {"encoder": f"none: {error}"}
    known = dataset.masks["audio"]
    vectors = np.zeros((len(dataset), encoder.width), np.float32)
    vectors[known] = encoder([media.files[name] for name in dataset.ids[known]])
    return vectors, {key: value for key, value in encoder.record.items() if key != "counts"}


@dataclass(frozen=True, eq=False)
class Part:
    """One seed's rows."""

    fit: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    has_audio: np.ndarray  # [n] bool
    has_lyrics: np.ndarray  # [n] bool, what fitting and scoring may see of them

    def pairs(self, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` with both modalities."""
        return rows[(self.has_audio & self.has_lyrics)[rows]]


def part_of(prepared: Prepared, seed: int) -> Part:
    """Fold `seed` is the test part, the next one the validation part, the others are for fitting."""
    folds = prepared.folds
    test, valid = seed % len(folds), (seed + 1) % len(folds)
    fit = np.sort(np.concatenate([rows for i, rows in enumerate(folds) if i not in (test, valid)]))
    masks = prepared.dataset.masks
    part = Part(fit, folds[valid], folds[test], masks["audio"], masks["lyrics"] & (prepared.lexical[:, 0] > 0))
    for name, rows in (("training", part.fit), ("validation", part.valid), ("test", part.test)):
        if len(part.pairs(rows)) < 2:
            raise ValueError(
                f"the {name} part of seed {seed} has {len(part.pairs(rows))} clips with both audio and lyrics, two are "
                "needed: add clips, or take fewer --folds"
            )
    return part


class Views(NamedTuple):
    """What a model sees of all rows, fitted on the training part."""

    audio: np.ndarray  # [n, d] or [n, n_mels, frames]
    lyrics: np.ndarray  # [n, d]
    frames: np.ndarray | None  # [n, frames] for spectrograms


@lru_cache(maxsize=16)
def views(config: Config, prepared: Prepared, part: Part, sound: str, lyrics: str) -> Views:
    """Both views of all rows, kept for the variants that share them."""
    fit = part.fit[part.has_audio[part.fit]]
    if sound == "frames":
        return Views(_levels(prepared, fit), lyrics_view(config, prepared, part, lyrics), prepared.frames)
    if sound == "statistics":
        vectors = fit_standardizer(prepared.statistics[fit])(prepared.statistics)
    else:
        kinds = {"features": np.concatenate([prepared.statistics, prepared.dynamics], axis=1), "sound": prepared.sounds}
        chosen = [x for kind in sound.split("+") if (x := kinds[kind]) is not None]
        components = [_tempered(fit_standardizer(x[fit])(x), fit, config.sizes.audio_dim) for x in chosen]
        vectors = np.concatenate(components, axis=1)
    present = part.has_audio[:, None]
    return Views(np.where(present, vectors, 0).astype(np.float32), lyrics_view(config, prepared, part, lyrics), None)


def lyrics_view(
    config: Config, prepared: Prepared, part: Part, name: str, texts: Sequence[str] | None = None
) -> np.ndarray:
    """`[n, d]` lyric vectors of all clips, 0 where a clip has none; or of other `texts`, for TF-IDF views alone."""
    kind, _, lexical = resolved(prepared, name).partition("+")
    fit = part.fit[part.has_lyrics[part.fit]]
    if len(fit) < 2:
        # Nothing is known of lyrics: one column that says nothing, of every text.
        return np.zeros((len(prepared.dataset) if texts is None else len(texts), 1), np.float32)
    known = [str(lyrics) for lyrics in prepared.dataset.modalities["lyrics"]]
    if kind == "sentence":
        assert prepared.sentences is not None
        assert texts is None
        standardized = fit_standardizer(prepared.sentences[fit])(prepared.sentences)
        vectors = _tempered(standardized, fit, config.sizes.sentence_dim)
    else:
        more = prepared.more_lyrics if kind == "unpaired" else ()
        encoder = _tfidf(tuple(known[row] for row in fit) + more, config, kind == "language_aware")
        scaler = fit_standardizer(encoder.transform([known[row] for row in fit]))
        vectors = scaler(encoder.transform(known if texts is None else texts))
    if lexical:
        statistics = prepared.lexical if texts is None else text.lexical_statistics(texts)
        vectors = np.concatenate([vectors, fit_standardizer(prepared.lexical[fit])(statistics)], axis=1)
    if texts is not None:
        return vectors.astype(np.float32)
    return np.where(part.has_lyrics[:, None], vectors, 0).astype(np.float32)


@lru_cache(maxsize=8)
def _tfidf(texts: tuple[str, ...], config: Config, language_aware: bool) -> text.TfidfPCA:
    sizes = config.sizes
    return text.fit_tfidf_pca(
        texts, max_features=sizes.max_features, n_components=sizes.lyrics_dim, language_aware=language_aware
    )


def resolved(prepared: Prepared, lyrics: str) -> str:
    """The lyric view that `"base"` stands for."""
    if lyrics != "base":
        return lyrics
    return "tfidf+lexical" if prepared.sentences is None else "sentence+lexical"


def reason_to_skip(prepared: Prepared, variant: Variant) -> str:
    """Why a variant cannot be run on these data; "" where it can."""
    if variant.lyrics.startswith("sentence") and prepared.sentences is None:
        return str(prepared.encoder["encoder"])
    if "sound" in variant.audio and prepared.sounds is None:
        return str(prepared.hearing["encoder"])
    if variant.lyrics.startswith("unpaired") and not prepared.more_lyrics:
        return "no --more-lyrics were given"
    if variant.label_weight and len(genre_names(prepared)) < 2:
        return "the data has no genres"
    return ""


def genre_names(prepared: Prepared) -> list[str]:
    """The data's genres, sorted."""
    return sorted(set(map(str, prepared.dataset.labels.get("genre", ()))) - {""})


def genre_codes(prepared: Prepared) -> np.ndarray:
    """`[n]` int genre of each clip, −1 where it is unknown."""
    names = genre_names(prepared)
    genre = prepared.dataset.labels.get("genre", np.full(len(prepared.dataset), ""))
    return np.array([names.index(str(name)) if name else -1 for name in genre], np.int32)


def _levels(prepared: Prepared, fit: np.ndarray) -> np.ndarray:
    """Spectrograms standardised per band over the training rows, 0 in padding: levels between clips remain."""
    music = prepared.frames[fit][:, None]
    count = max(int(music.sum()), 1)
    mean = np.where(music, prepared.spectrograms[fit], 0).sum((0, 2), keepdims=True) / count
    centred = np.where(music, prepared.spectrograms[fit] - mean, 0)
    deviation = np.sqrt(np.square(centred).sum((0, 2), keepdims=True) / count)
    levels = (prepared.spectrograms - mean) / np.maximum(deviation, 1e-6)
    return np.where(prepared.frames[:, None], levels, 0).astype(np.float32)


def _tempered(x: np.ndarray, fit: np.ndarray, size: int) -> np.ndarray:
    return fit_tempered_pca(x[fit], size)(x)
