"""Beyond the Joint VAE document: its repairs and extensions tried against references on the same splits.

    python reproductions/joint_vae_beyond.py                                  # embedded corpus, minutes on two cores
    python reproductions/joint_vae_beyond.py --data FOLDER --out results/mine # a folder of clips with lyrics
    python reproductions/joint_vae_beyond.py --preset paper --data FOLDER     # every variant, seven seeds

The clips are split into folds that share no artist (song). Seed i tests on fold i, chooses on the next and fits on the
rest: the test parts of all seeds are disjoint. The variant with the best validation score of a seed is scored on that
seed's test part as `chosen by validation`. Writes `report.md`, `report.json` and figures to `--out`; an interrupted run
goes on with `--resume` and ends with the same numbers.

Expected on the embedded corpus: retrieval above chance for variants with alignment, at chance for those without.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import joint_vae_beyond_experiments as experiments
import joint_vae_beyond_outputs as outputs
import joint_vae_beyond_scores as scores
import runs
import tyro
from documents.clips import Sound, fingerprint
from joint_vae_beyond_pipeline import fit_variant
from joint_vae_beyond_references import references
from joint_vae_beyond_variants import QUICK, VARIANTS
from joint_vae_beyond_views import Prepared, is_possible, part_of, prepare, views


@dataclass(frozen=True)
class Config:
    """Variants of the JointVAE against references, on splits that share no artist."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: some variants, a few minutes on two CPU cores. paper: every variant, seven seeds."""
    data: Path | None = None
    """Folder with audio/ or mels/, lyrics.csv or lyrics/, labels.csv; default: the embedded synthetic corpus."""
    out: Path = Path("results/joint_vae_beyond")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs, at most as many as folds; each has its own test part. --resume with more of them extends a run."""
    folds: int = 7
    """Parts of the data set: one tests, one validates, the others are for fitting."""
    variant: tuple[str, ...] = QUICK
    """Names of variants, see joint_vae_beyond_variants.py."""
    sound: Annotated[Sound, tyro.conf.arg(name="")] = Sound(clips=400)  # noqa: RUF009
    frames: int = 32
    """Frames that transformer and convolutions see: longer spectrograms are averaged into so many bins."""
    labels: tuple[str, ...] = ("genre", "language", "mood")
    """Labels that clusters and probes are held against, where the data has them."""
    sentence_encoder: str = "e5-small"
    """Frozen text encoder of the base's lyrics: e5-small, a model's folder or name, or none; without it TF-IDF."""
    more_lyrics: Path | None = None
    """Table of further lyrics (artist_name, track_name, genre, lyrics) that belong to no clip, for pretraining."""
    cache: Path | None = None
    """Folder that keeps sentence embeddings."""
    max_features: int = 4096
    """Words of TF-IDF."""
    lyrics_dim: int = 64
    """Components of PCA on TF-IDF."""
    sentence_dim: int = 32
    """Principal components of the sentence embeddings."""
    audio_dim: int = 64
    """Principal components of the audio features."""
    widths: tuple[int, ...] = (128,)
    """Hidden widths of vector encoders and decoders."""
    dropout: float = 0.3
    """Of inputs and hidden layers of vector and transformer encoders."""
    epochs: int = 60
    """Epochs of vector models."""
    pretrain_epochs: int = 20
    """Epochs on torn pairs, of the pretrained variants."""
    spectrogram_epochs: int = 8
    """Epochs of transformer, convolutions and the supervised CNN; 0 leaves the CNN out."""
    batch: int = 64
    """Batch size."""
    learning_rate: float = 1e-3
    """Of AdamW, vector models."""
    spectrogram_learning_rate: float = 3e-4
    """Of AdamW, transformer and convolutions, some of which diverge at 1e-3."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    cca_components: int = 32
    """Directions of linear and kernel CCA."""
    experiment_seeds: int = 3
    """Seeds of the learning curve and of the missing lyrics, at most."""


PRESETS = {"quick": Config(), "paper": Config(preset="paper", seeds=7, variant=tuple(VARIANTS), sound=Sound(clips=800))}


def run_seed(config: Config, prepared: Prepared, seed: int) -> dict[str, Any]:
    """All variants and references of one seed (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    part = part_of(prepared, seed)
    models: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name in config.variant:
        variant = VARIANTS[name]
        if reason := is_possible(prepared, variant):
            skipped[name] = reason
            continue
        # Every variant starts from the same key: differences between them are not those of luck alone.
        try:
            fitted = fit_variant(config, prepared, part, variant, jax.random.fold_in(key, 1))
        except FloatingPointError as error:
            # One variant that diverges is a result; it must not cost the others theirs.
            skipped[name] = f"diverged in seed {seed}: {error}"
            continue
        seen = views(config, prepared, part, variant.audio, variant.lyrics)
        models[name] = scores.score_variant(config, prepared, part, fitted, seen, seed)
        print(f"  {name}: {fitted.seconds:.0f} s", flush=True)
    for name, reference in references(config, prepared, part, jax.random.fold_in(key, 2)).items():
        models[name] = {"is_reference": True, **scores.score_reference(config, prepared, part, reference, seed)}
    rows = part.pairs(part.test)
    groups = prepared.dataset.groups
    return {
        "models": models,
        "skipped": skipped,
        "groups": [str(group) for group in (prepared.dataset.ids if groups is None else groups)[rows]],
        "sizes": {"fit": len(part.fit), "valid": len(part.valid), "test": len(part.test), "test pairs": len(rows)},
        "sizes_of_pairs": len(part.pairs(part.fit)),
    }


def main(config: Config) -> Path:
    """The whole study; returns the path of `report.md`."""
    runs.check_variants(config.variant, VARIANTS, config.seeds)
    if config.folds < 3 or config.seeds > config.folds:
        raise ValueError(
            f"--seeds {config.seeds} with --folds {config.folds}: three folds at least, a seed for each at most"
        )
    began = time.perf_counter()
    runs.use_compilation_cache()
    prepared = prepare(config)
    further = hashlib.sha256("\0".join(prepared.more_lyrics).encode()).hexdigest()[:8]
    clips = fingerprint(prepared.dataset, prepared.spectrograms, prepared.statistics)
    runs.open_output(
        config.out,
        config,
        resume=config.resume,
        data_fingerprint=f"{clips}-{further}-{prepared.sentences is not None}",
        own=outputs.FILES,
    )
    timing = {"load": time.perf_counter() - began}
    records = []
    for seed in range(config.seeds):
        print(f"seed {seed + 1} of {config.seeds}", flush=True)
        records.append(
            runs.cached(config.out / "work" / f"seed_{seed}.json", partial(run_seed, config, prepared, seed))
        )
    found = runs.cached(
        config.out / "work" / f"experiments_{min(config.seeds, config.experiment_seeds)}_seeds.json",
        partial(experiments.run, config, prepared),
    )
    timing["seeds and experiments, this call"] = time.perf_counter() - began - timing["load"]
    return outputs.write(config, PRESETS[config.preset], prepared, records, found, timing)


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
