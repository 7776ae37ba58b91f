"""A folder of clips → a `MusicModel`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax

from jaxmusic import data, evaluation, losses, models, training
from jaxmusic.app.index import empty_index
from jaxmusic.app.indexing import Heard, listen
from jaxmusic.app.model import MusicModel, read_folder
from jaxmusic.app.places import arranged, names_of
from jaxmusic.app.sentences import Embedder
from jaxmusic.app.settings import Settings
from jaxmusic.app.sound import Listener, fit_sound_view, resolved
from jaxmusic.app.spaces import score_spaces
from jaxmusic.app.unfinished import CACHE, checkpoint_folder, disk_shortage, save_every
from jaxmusic.app.views import Views, audio_features, fit_views
from jaxmusic.audio._extract import MAX_DURATION
from jaxmusic.text import words

# With fewer clips than this, a part left out would measure little and cost much.
_FEWEST_TO_HOLD_OUT = 40


class _Clips(NamedTuple):
    """What a fit works on; `held` are the rows that the first training leaves out."""

    dataset: data.Dataset
    texts: list[str]
    embedder: Embedder | None
    listener: Listener | None
    heard: Heard | None
    held: np.ndarray


def fit(
    folder: str | Path,
    settings: Settings | None = None,
    *,
    cache: str | Path | None = None,
    work: str | Path | None = None,
    progress: bool = False,
) -> MusicModel:
    """Fit a JointVAE to a library of music, with lyrics where it has them.

    Args:
        folder: any folder of music, or another layout of `data.clips`.
        settings: sizes and training; default: `Settings()`.
        cache: folder that keeps computed spectrograms and sentence embeddings for the next call.
        work: folder for unfinished work: a call that was interrupted goes on where it was, to the same numbers bit for
            bit, when it is made again; training starts anew where clips or settings are others. It also holds the
            cache where none is given, and may be deleted when the model is saved.
        progress: show progress bars.

    Returns:
        The model, fitted on all clips; `scores` and `space_scores` are of a first one, which did not see a share of
        the clips (artists and songs never cross), `notes` say what was dropped and what is missing.

    Raises:
        FileNotFoundError: no such folder, no clips in it, or no such text encoder or net of sound.
        ValueError: fewer than two clips with sound, or a malformed table.
        OSError: the folder for work cannot be written.
    """
    settings = settings or Settings()
    folder, work = Path(folder).expanduser(), None if work is None else Path(work).expanduser()
    if work is not None and cache is None:
        if missing := disk_shortage(work, folder, settings):
            warnings.warn(missing, stacklevel=2)
        else:
            cache = work / CACHE
    clips, settings, notes = _prepared(folder, settings, cache, progress)
    everything = np.arange(len(clips.dataset))
    kept: list[Path] = []
    measured = None
    if len(clips.held):
        measured = _trained(clips, np.setdiff1d(everything, clips.held), settings, work, kept, progress)
        measured = _measured(measured, clips)
    model = _trained(clips, everything, settings, work, kept, progress)
    if model.views.lyrics is None:
        notes.append(
            "fewer than two clips have lyrics with words: the model hears sound alone, and words find no sound"
        )
    if measured is not None:
        model = replace(model, scores=measured.scores, space_scores=measured.space_scores)
    return _finished(replace(model, notes=tuple(notes)), clips)


def _prepared(
    folder: Path, settings: Settings, cache: str | Path | None, progress: bool
) -> tuple[_Clips, Settings, list[str]]:
    """The clips, read and heard; settings with what they mean here; notes."""
    embedder, listener = None, None
    if settings.text is not None:
        embedder = Embedder(settings.text, prefix=settings.text_prefix)
        settings = replace(settings, text=embedder.name)
        # Before the sound is read, so that an encoder that is missing fails at once.
        embedder.open(cache=cache, progress=progress)
    if (name := resolved(settings)) is not None:
        listener = Listener(name, duration=settings.duration or MAX_DURATION, excerpts=settings.excerpts)
        listener.open(cache=cache, progress=progress)
    dataset = read_folder(folder, settings, cache=cache, progress=progress)
    if dataset.source["audio"]["from"] != "audio":
        listener = None
    settings = replace(settings, sound=None if listener is None else listener.name)
    has_audio = dataset.masks["audio"]
    if has_audio.sum() < 2:
        raise ValueError(f"{folder} has {has_audio.sum()} clip with sound, two are needed: add clips")
    if dataset.modalities["audio"].shape[-1] < 2:
        raise ValueError(f"the clips of {folder} have one frame each: {settings.hop_length} samples and more are two")
    texts = [str(text) for text in dataset.modalities["lyrics"]]
    notes = [f"{entry['file']} was left out: {entry['why']}" for entry in dataset.source["dropped"]]
    notes += dataset.source["notes"]
    if embedder is not None:
        notes += _embed(embedder, texts)
    held = _held_out(jax.random.fold_in(jax.random.key(settings.seed), 0), dataset, settings, notes)
    heard = None if listener is None else listen(listener, dataset, cache=cache, progress=progress)
    if heard is not None and heard.is_heard.sum() < 2:
        listener, heard = None, None
    return _Clips(dataset, texts, embedder, listener, heard, held), settings, notes


def _trained(
    clips: _Clips, rows: np.ndarray, settings: Settings, work: Path | None, kept: list[Path], progress: bool
) -> MusicModel:
    """A model of the clips at `rows`, whose index holds all clips; `kept` gathers the checkpoints of one fit."""
    dataset = clips.dataset
    mel, mask, has_audio = dataset.modalities["audio"], dataset.masks["frames"], dataset.masks["audio"]
    sounding = rows[has_audio[rows]]
    views = fit_views(
        audio_features(mel[sounding], mask[sounding]),
        [clips.texts[row] for row in rows],
        frames=mel.shape[-1],
        n_mels=mel.shape[1],
        audio_dim=settings.audio_dim,
        lyrics_dim=settings.lyrics_dim,
        max_features=settings.max_features,
        embedder=clips.embedder,
    )
    sound = None
    if clips.listener is not None and clips.heard is not None:
        sound = fit_sound_view(clips.listener, clips.heard.vectors[rows[clips.heard.is_heard[rows]]])
    module = make_module(settings, views)
    audio = np.where(has_audio[:, None], views.audio_vectors(mel, mask), 0).astype(np.float32)
    lyrics, has_lyrics = views.lyric_vectors(clips.texts)
    batch = {"inputs": {"audio": audio, "lyrics": lyrics}, "masks": {"audio": has_audio, "lyrics": has_lyrics}}
    rows = rows[(has_audio | has_lyrics)[rows]]
    batch = jax.tree.map(lambda x: x[rows], batch)
    optimizer = optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)
    checkpoint = None
    if work is not None:
        kept.append(checkpoint_folder(work, settings, batch, keep=kept))
        checkpoint = training.Checkpoint(kept[-1], save_every=save_every(len(rows), settings.epochs))
    state, _ = training.Trainer(module, _loss(settings), optimizer, batch_size=settings.batch).fit(
        jax.random.fold_in(jax.random.key(settings.seed), 1),
        batch,
        epochs=settings.epochs,
        checkpoint=checkpoint,
        progress="training" if progress else None,
    )
    variables = jax.tree.map(np.asarray, dict(state.variables))
    unplaced = MusicModel(
        settings, dataset.source["audio"]["from"], views, module, variables, empty_index(), {}, sound=sound
    )
    return replace(unplaced, index=unplaced.index_of(dataset, heard=clips.heard))


def _measured(model: MusicModel, clips: _Clips) -> MusicModel:
    """A model with its scores on the clips that it did not see."""
    held, dataset, index = clips.held, clips.dataset, model.index
    spaces = {name: places[held] for name, places in index.spaces.items()}
    labels = {name: values[held] for name, values in index.tags.items()}
    own = index.take(held).copy_of
    lyrics, _ = model.views.lyric_vectors([clips.texts[row] for row in held])
    both = (dataset.masks["audio"] & index.has_lyrics)[held]
    return replace(
        model,
        scores=_scores(model, index.audio[held], lyrics, both),
        space_scores=score_spaces(spaces, labels, own),
    )


def _finished(model: MusicModel, clips: _Clips) -> MusicModel:
    """A model with its chosen space, and its clips' places on the map and clusters in it."""
    space = model.space_scores.best(model.index.spaces)
    index = arranged(model.index, space, model.settings.clusters, model.settings.seed)
    names = names_of(index, clips.texts, model.tag_names)
    return replace(model, index=index, space=space, cluster_names=names)


def make_module(settings: Settings, views: Views) -> models.MultimodalVAE:
    """The JointVAE at these sizes."""
    return models.JointVAE(
        lyrics_dim=views.lyrics_dim,
        latent_dim=settings.latent,
        fusion="poe",
        audio_encoder_kind="vector",
        audio_dim=len(views.components.components),
        widths=(settings.width,),
        dropout_rate=settings.dropout,
    )


def _loss(settings: Settings) -> losses.LossFunction:
    return losses.joint_elbo(
        weights={"audio": 1.0, "lyrics": 1.0},
        reduction="sum",
        contrastive_weight=settings.alignment_weight,
        temperature=settings.temperature,
    )


def _held_out(key: jax.Array, dataset: data.Dataset, settings: Settings, notes: list[str]) -> np.ndarray:
    """Rows to measure on, which a first training leaves out."""
    nothing = np.arange(0)
    pairs, sounding = dataset.masks["audio"] & dataset.masks["lyrics"], dataset.masks["audio"]
    names_something = any(name in dataset.labels for name in ("song", "album", "artist"))
    if not settings.holdout or not (pairs.any() or names_something):
        return nothing
    if max(pairs.sum(), sounding.sum() if names_something else 0) < _FEWEST_TO_HOLD_OUT:
        notes.append(
            f"{pairs.sum()} clips have both sound and lyrics: too few to leave some out and measure the search"
        )
        return nothing
    try:
        rows, held = data.split(key, dataset, (1 - settings.holdout, settings.holdout))
    except ValueError as error:
        notes.append(f"the search is not measured: {error}")
        return nothing
    both = pairs[held].sum()
    if sounding[held].sum() < 2 or sounding[rows].sum() < 2 or (both < 2 and not names_something):
        notes.append(
            f"the search is not measured: artists and songs stay together, so that leaving out {settings.holdout:.0%} "
            f"leaves out {len(held)}, of which {both} with both sound and lyrics; all are trained on"
        )
        return nothing
    return held


def _embed(embedder: Embedder, texts: list[str]) -> list[str]:
    """Embed all lyrics once; what a user should know of it."""
    embedder([text for text in texts if words(text)])
    record = embedder.open().record
    if not (cut := record["counts"].get("truncated", 0)):
        return []
    return [
        f"{cut} different lyrics are longer than the text encoder reads ({record['max_length']} tokens): "
        "it saw their beginning"
    ]


def _scores(model: MusicModel, audio: np.ndarray, lyrics: np.ndarray, both: np.ndarray) -> dict[str, float]:
    """Lyrics → audio among clips that training never saw."""
    if both.sum() < 2 or not model.knows_lyrics:
        return {}
    words = training.predict(model.module, model.variables, ({"lyrics": lyrics[both]},), method="posteriors")
    found = evaluation.retrieval_scores(words["lyrics"][0], audio[both], ks=(10,))
    return {"pairs": float(both.sum()), **found}
