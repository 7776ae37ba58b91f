"""Genre classification: from the table to fitted classifiers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import runs

from documents.genre_classification.config import Config, check
from documents.genre_classification.variants import MODELS, VARIANTS, Variant
from jaxmusic import augment, data, losses, models, text, training
from jaxmusic.data._lyrics_table import FILE_NAME
from jaxmusic.data.preprocessing import fit_standardizer

_ROW_STEP = 1024
_VALIDATION = 0.1


class Corpus(NamedTuple):
    """Songs of one file, the classes to tell apart, and which models they have the columns for."""

    dataset: data.Dataset
    genres: tuple[str, ...]
    labels: np.ndarray  # [n] int32
    models: tuple[str, ...]


def load(config: Config) -> dict[str, data.Dataset]:
    """Name → data set: `table`, and `lyrics sample` where the folder has a larger table of lyrics alone."""
    check(config)
    if config.data is None:
        path = data.write_lyrics_table(jax.random.key(0), config.songs, config.out / "work" / "corpus")
        found = data.lyrics_table(path)
        return {"table": _renamed(found, "synthetic")}
    loaded = {"table": data.lyrics_table(config.data)}
    sample = Path(config.data) / "lyrics_sample.csv"
    if sample.is_file():
        loaded["lyrics sample"] = data.lyrics_table(sample, lyrics_only=True)
    return loaded


def _renamed(dataset: data.Dataset, name: str) -> data.Dataset:
    import dataclasses

    note = "made from known factors; its figures say nothing of real music, and its genres only borrow the names"
    source = {**dataset.source, "name": name, "path": FILE_NAME, "extent": note, "attribution": "made by jaxmusic"}
    return dataclasses.replace(dataset, source=source)


def corpus_of(dataset: data.Dataset, genres: tuple[str, ...]) -> Corpus:
    """The songs of these genres; a genre that the data lacks is no class."""
    present = tuple(genre for genre in genres if (dataset.labels["genre"] == genre).any())
    if len(present) < 2:
        raise ValueError(f"the data has {len(present)} of the genres {', '.join(genres)}: two are needed")
    chosen = dataset.take(np.isin(dataset.labels["genre"], present))
    labels = np.array([present.index(genre) for genre in chosen.labels["genre"]], np.int32)
    usable = MODELS if chosen.masks["features"].all() else ("lyrics",)
    return Corpus(chosen, present, labels, usable)


class Part(NamedTuple):
    """One seed's rows under one split, and what is fitted on the training rows."""

    train: np.ndarray
    test: np.ndarray
    tokens: text.Tokens
    vocabulary_size: int
    features: np.ndarray  # [n, 22] float32, raw
    scaled: np.ndarray  # [n, 22] float32, standardised on the training rows


def rows_of(corpus: Corpus, split: str, key: jax.Array, fractions: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Rows of each part; a song that occurs twice stays on one side in every split."""
    options: dict[str, Any] = {
        "random": {"groups": "song"},
        "stratified": {"groups": "song", "stratify": "genre"},
        "artist": {"groups": "artist", "stratify": "genre"},
    }[split]
    return data.split(key, corpus.dataset, fractions, **options)


def part_of(config: Config, corpus: Corpus, split: str, key: jax.Array) -> Part:
    """Split, tokenise, and fit what is to be fitted on the training rows."""
    train, test = rows_of(corpus, split, key, (1 - config.test_fraction, config.test_fraction))
    lyrics = list(corpus.dataset.modalities["lyrics"])
    if config.tokenizer is None:
        # Another vocabulary for each training part, so nothing of it is worth keeping.
        tokenizer = text.train_wordpiece([lyrics[i] for i in train], vocabulary_size=config.vocabulary_size)
        tokens = text.token_ids(tokenizer, lyrics, max_length=config.max_length)
    else:
        tokenizer = _tokenizer(config.tokenizer)
        tokens = text.token_ids(tokenizer, lyrics, max_length=config.max_length, cache=config.out / "work")
    features = corpus.dataset.modalities["features"]
    scaled = fit_standardizer(features[train])(features)
    return Part(train, test, tokens, tokenizer.get_vocab_size(), features, scaled)


@lru_cache(maxsize=2)
def _tokenizer(source: str) -> Any:
    return text.wordpiece_tokenizer(source)


class Fitted(NamedTuple):
    """A trained classifier, its curves, and its class probabilities of the test part."""

    curves: dict[str, np.ndarray]
    seconds: float
    probabilities: np.ndarray
    probabilities_with_dropout: np.ndarray | None
    parameters: int


def fit(config: Config, corpus: Corpus, part: Part, model: str, name: str, key: jax.Array) -> Fitted:
    """Train one model as one variant has it."""
    variant = VARIANTS[name]
    vocabulary = text.trained_vocabulary(
        text.Tokens(part.tokens.ids[part.train], part.tokens.lengths[part.train], 0),
        part.vocabulary_size,
        min_frequency=variant.min_frequency,
    )
    module = make_module(config, model, variant, len(corpus.genres), part.vocabulary_size, vocabulary)
    everything: dict[str, np.ndarray] = {"labels": corpus.labels}
    if model != "metadata":
        everything |= {"tokens": vocabulary.row_of[part.tokens.ids], "lengths": part.tokens.lengths}
    if model != "lyrics":
        everything |= {"features": part.scaled if variant.scaled_features else part.features}
    take = lambda rows: {column: values[rows] for column, values in everything.items()}  # noqa: E731
    train, valid, patience = part.train, part.test, None
    if variant.best_epoch:
        held = data.split(
            jax.random.fold_in(key, 1),
            corpus.dataset.take(part.train),
            (1 - _VALIDATION, _VALIDATION),
            groups="artist" if variant.split == "artist" else "song",
            stratify="genre",
        )
        # Patience as long as the run: every epoch is seen, and the best one's parameters come back.
        train, valid, patience = part.train[held[0]], part.train[held[1]], config.training.epochs
    batch_size = variant.batch_size or config.training.batch_size
    optimizer = optax.adam(config.training.learning_rate)
    if variant.reset_optimizer_each_epoch:
        optimizer = training.restart_every(optimizer, -(-len(train) // batch_size))
    mixes = variant.mixup > 0 and model == "metadata"
    trainer = training.Trainer(
        module,
        losses.cross_entropy(),
        optimizer,
        batch_size=batch_size,
        transform=augment.MixUp(variant.mixup, len(corpus.genres), entry="features") if mixes else None,
        inputs=lambda batch: tuple(batch[column] for column in _COLUMNS[model]),
    )
    state, info = trainer.fit(key, take(train), valid=take(valid), epochs=config.training.epochs, patience=patience)
    test = take(part.test)
    arguments = tuple(test[column] for column in _COLUMNS[model])
    logits = training.predict(module, state.variables, arguments, method="__call__")
    dropped = None
    if model == "lyrics":
        dropped = softmax(_with_dropout(module, state.variables, arguments, jax.random.fold_in(key, 2)))
    count = sum(x.size for x in jax.tree.leaves(state.variables))
    held_out = "valid" if variant.best_epoch else "test"
    curves = {column: info.metrics[column] for column in ("accuracy", "loss")}
    curves |= {f"{held_out}_{column}": info.metrics[f"valid_{column}"] for column in ("accuracy", "loss")}
    return Fitted(curves, info.run_seconds, softmax(logits), dropped, count)


def make_module(
    config: Config,
    model: str,
    variant: Variant,
    classes: int,
    vocabulary_size: int,
    vocabulary: text.Vocabulary | None = None,
) -> Any:
    """The linen module of a model; with a vocabulary, only the embedding rows that training uses are trained."""
    if model == "metadata":
        return models.MetadataClassifier(classes, variant.widths)
    trained = None
    if vocabulary is not None:
        if variant.min_frequency > 1:
            vocabulary_size = vocabulary.used - 1
        else:
            # Rounded up, so that seeds share one compiled program; rows in excess never get a gradient either.
            trained = min(-(-vocabulary.used // _ROW_STEP) * _ROW_STEP, vocabulary_size + 1)
    common: dict[str, Any] = {
        "embedding_dim": variant.embedding_dim,
        "positions": config.max_length,
        "mask_padding": variant.mask_padding,
        "trained_rows": trained,
        "embedding_scale": variant.embedding_scale,
    }
    if model == "lyrics":
        return models.LyricsClassifier(vocabulary_size, classes, dropout=config.training.dropout, **common)
    return models.CombinedClassifier(vocabulary_size, classes, widths=variant.widths, **common)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits `[n, classes]`."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def _with_dropout(module: Any, variables: Any, arguments: tuple[np.ndarray, ...], key: jax.Array) -> np.ndarray:
    """Logits with dropout on, as the document's `accuracy()` computed them."""
    apply = jax.jit(lambda variables, key, *batch: module.apply(variables, *batch, False, True, rngs={"dropout": key}))
    parts = []
    for start in range(0, len(arguments[0]), 128):
        rows = np.arange(start, start + 128)
        batch = tuple(x[np.where(rows < len(x), rows, start)] for x in arguments)
        logits = apply(variables, jax.random.fold_in(key, start), *batch)
        parts.append(np.asarray(logits)[: len(arguments[0]) - start])
    return np.concatenate(parts)


_COLUMNS = {"lyrics": ("tokens", "lengths"), "metadata": ("features",), "combined": ("tokens", "lengths", "features")}


def fingerprint(loaded: dict[str, data.Dataset]) -> str:
    """Changes when any song does."""
    return runs.fingerprint(
        *(
            column
            for songs in loaded.values()
            for column in (
                songs.modalities["features"],
                songs.modalities["lyrics"],
                songs.labels["genre"],
                songs.labels["song"],
            )
        )
    )
