"""A folder of clips → a `MusicModel`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import optax

from jaxmusic import data, evaluation, losses, models, training
from jaxmusic.app.model import ClipIndex, MusicModel, read_folder
from jaxmusic.app.sentences import Embedder
from jaxmusic.app.settings import Settings
from jaxmusic.app.unfinished import CACHE, checkpoint_folder, disk_shortage, save_every
from jaxmusic.app.views import Views, audio_features, fit_views
from jaxmusic.text import words

# With fewer pairs than this, a part left out would measure little and cost much.
_FEWEST_TO_HOLD_OUT = 40


def fit(
    folder: str | Path,
    settings: Settings | None = None,
    *,
    cache: str | Path | None = None,
    work: str | Path | None = None,
    progress: bool = False,
) -> MusicModel:
    """Fit a JointVAE to a folder of clips, with lyrics where it has them.

    Args:
        folder: the layout of `data.clips`.
        settings: sizes and training; default: `Settings()`.
        cache: folder that keeps computed spectrograms and sentence embeddings for the next call.
        work: folder for unfinished work: a call that was interrupted goes on where it was, to the same numbers bit for
            bit, when it is made again; training starts anew where clips or settings are others. It also holds the
            cache where none is given, and may be deleted when the model is saved.
        progress: show progress bars.

    Returns:
        The model; `scores` are of the share of clips left out of training (artists and songs never cross), `notes` say
        what was dropped and what is missing.

    Raises:
        FileNotFoundError: no such folder, no clips in it, or no such text encoder.
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
    embedder = None
    if settings.text is not None:
        embedder = Embedder(settings.text, prefix=settings.text_prefix)
        settings = replace(settings, text=embedder.name)
        # Before the sound is read, so that an encoder that is missing fails at once.
        embedder.open(cache=cache, progress=progress)
    dataset = read_folder(folder, settings, cache=cache, progress=progress)
    mel, mask, has_audio = dataset.modalities["audio"], dataset.masks["frames"], dataset.masks["audio"]
    if has_audio.sum() < 2:
        raise ValueError(f"{folder} has {has_audio.sum()} clip with sound, two are needed: add clips")
    if mel.shape[-1] < 2:
        raise ValueError(f"the clips of {folder} have one frame each: {settings.hop_length} samples and more are two")
    texts = [str(text) for text in dataset.modalities["lyrics"]]
    notes = [f"{entry['file']} was left out: {entry['why']}" for entry in dataset.source["dropped"]]
    notes += dataset.source["notes"]
    if embedder is not None:
        notes += _embed(embedder, texts)
    key = jax.random.key(settings.seed)
    rows, held = _parts(jax.random.fold_in(key, 0), dataset, settings, notes)
    views = fit_views(
        audio_features(mel[rows][has_audio[rows]], mask[rows][has_audio[rows]]),
        [texts[row] for row in rows],
        frames=mel.shape[-1],
        n_mels=mel.shape[1],
        audio_dim=settings.audio_dim,
        lyrics_dim=settings.lyrics_dim,
        max_features=settings.max_features,
        embedder=embedder,
    )
    if views.lyrics is None:
        notes.append(
            "fewer than two clips have lyrics with words: the model hears sound alone, and search finds nothing"
        )
    module = make_module(settings, views)
    audio = np.where(has_audio[:, None], views.audio_vectors(mel, mask), 0).astype(np.float32)
    lyrics, has_lyrics = views.lyric_vectors(texts)
    batch = {"inputs": {"audio": audio, "lyrics": lyrics}, "masks": {"audio": has_audio, "lyrics": has_lyrics}}
    rows = rows[(has_audio | has_lyrics)[rows]]
    batch = jax.tree.map(lambda x: x[rows], batch)
    optimizer = optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)
    checkpoint = None
    if work is not None:
        folder_of_run = checkpoint_folder(work, settings, batch)
        checkpoint = training.Checkpoint(folder_of_run, save_every=save_every(len(rows), settings.epochs))
    state, _ = training.Trainer(module, _loss(settings), optimizer, batch_size=settings.batch).fit(
        jax.random.fold_in(key, 1),
        batch,
        epochs=settings.epochs,
        checkpoint=checkpoint,
        progress="training" if progress else None,
    )
    variables = jax.tree.map(np.asarray, dict(state.variables))
    nowhere = np.zeros((0, settings.latent), np.float32)
    empty = ClipIndex("", np.array([], str), np.zeros(0, bool), np.zeros(0, bool), nowhere, nowhere)
    unplaced = MusicModel(settings, dataset.source["audio"]["from"], views, module, variables, empty, {})
    index = unplaced.index_of(dataset)
    scores = _scores(unplaced, index.audio[held], lyrics[held], has_audio[held] & has_lyrics[held]) if len(held) else {}
    return replace(unplaced, index=index, scores=scores, notes=tuple(notes))


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


def _parts(
    key: jax.Array, dataset: data.Dataset, settings: Settings, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and rows to measure on."""
    everything, nothing = np.arange(len(dataset)), np.arange(0)
    if not settings.holdout:
        return everything, nothing
    pairs = int((dataset.masks["audio"] & dataset.masks["lyrics"]).sum())
    if not pairs:
        return everything, nothing
    if pairs < _FEWEST_TO_HOLD_OUT:
        notes.append(f"{pairs} clips have both sound and lyrics: too few to leave some out and measure the search")
        return everything, nothing
    try:
        rows, held = data.split(key, dataset, (1 - settings.holdout, settings.holdout))
    except ValueError as error:
        notes.append(f"the search is not measured: {error}")
        return everything, nothing
    both = (dataset.masks["audio"] & dataset.masks["lyrics"])[held].sum()
    if both < 2 or dataset.masks["audio"][rows].sum() < 2:
        notes.append(
            f"the search is not measured: artists and songs stay together, so that leaving out {settings.holdout:.0%} "
            f"leaves out {len(held)}, of which {both} with both sound and lyrics; all are trained on"
        )
        return everything, nothing
    return rows, held


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
