"""How many lyrics per second does the text encoder embed, against PyTorch transformers?

    python benchmarks/text.py --model MODEL_FOLDER --lyrics LYRICS.csv     # minutes; needs PyTorch and transformers

The model is a BERT in the hub's layout, with its tokenizer, such as all-MiniLM-L6-v2; the lyrics are a CSV file with a
column `lyrics`. Writes `results/text-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import tyro

from benchmarks import machine, render
from jaxmusic import models, text
from jaxmusic.text._encode import batches, compute

_VERSIONS = ("jax", "jaxlib", "flax", "numpy", "tokenizers", "torch", "transformers")
_MAX_LENGTH = 256
_AGREEMENT = {"float32": 1e-5, "bfloat16": 0.05}
_TARGET = 1.0


@dataclass(frozen=True)
class Options:
    """Lyrics per second of jaxmusic and of PyTorch transformers, turn by turn in one run, from the same token ids."""

    model: Path
    """Folder of a BERT with its tokenizer."""
    lyrics: Path
    """CSV file with a column `lyrics`."""
    texts: int = 512
    """Lyrics, drawn from the file."""
    batch_tokens: int | None = None
    """Tokens of a batch; default: the library's own for ours, the fastest of several for PyTorch."""
    rounds: int = 5
    """Paired rounds."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    table = measure(options)
    print(render.markdown(table), flush=True)
    missing = ["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else []
    path = render.save(
        "text",
        "Text encoder: embedding lyrics",
        command="python benchmarks/text.py --model … --lyrics …",
        machine=described,
        tables=[table],
        not_measured=missing,
        folder=options.out,
        commit=options.commit,
    )
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each type of the activations."""
    pretrained = text.load_pretrained(options.model)
    # As in the task, whatever the model's folder says.
    length = min(_MAX_LENGTH, pretrained.config.max_length)
    tokenizer = text.Encoder(models.TextTransformer(pretrained.config), pretrained).tokenizer
    ids = _token_ids(options, tokenizer, length)
    import torch

    tokens = int(sum(len(row) for row in ids))
    rows = []
    for dtype in ("float32",) if jax.default_backend() == "cpu" else ("float32", "bfloat16"):
        ours = _ours(pretrained, ids, dtype, options.batch_tokens)
        sizes = [options.batch_tokens] if options.batch_tokens else [1024, 2048, 4096, 16_384]
        if jax.default_backend() != "cpu":
            sizes.append(65_536)
        peer = _peer(options.model, dtype)
        theirs = [_theirs(peer, ids, size) for size in sizes]
        expected = ours()
        # Its best batch: timed once each after a first round that warms up.
        timed = []
        for run in theirs:
            found = run()
            if np.abs(found - expected).max() > _AGREEMENT[dtype]:
                raise RuntimeError(f"{dtype}: PyTorch's vectors differ by {np.abs(found - expected).max():.2g}")
            with machine.Watch() as watch:
                run()
            timed.append(watch.seconds)
        best = int(np.argmin(timed))
        seconds, others = _paired(ours, theirs[best], options.rounds)
        ratios = seconds[:, 1] / seconds[:, 0]
        median = float(np.median(seconds[:, 0]))
        flops = sum(_flops(pretrained.config, len(row)) for row in ids)
        rows.append(
            [
                dtype,
                len(ids) / median,
                tokens / median,
                sizes[best],
                float(np.median(ratios)),
                f"{ratios.min():.2f}–{ratios.max():.2f}",
                _TARGET,
                flops / median / machine.matmul_rate(dtype),
                others,
            ]
        )
    note = (
        f"{len(ids)} real lyrics, {tokens / len(ids):.0f} tokens on average, cut at {length}; "
        f"{pretrained.config.num_hidden_layers} layers × {pretrained.config.hidden_size}, mean pooling. Tokenized "
        "before; PyTorch transformers with its fused attention in inference mode, lyrics sorted by length and each "
        f"batch padded to its longest, at the fastest of its batch sizes; {torch.get_num_threads()} threads. Compiling "
        f"is apart (a first round). The ratio is seconds of PyTorch over ours, the median of {options.rounds} paired "
        "rounds; the share is of the rate of a 2,048² matrix product, without padding's products. All vectors agree."
    )
    columns = [
        "activations",
        "lyrics per second",
        "tokens per second",
        "tokens of PyTorch's batch",
        "PyTorch ÷ ours",
        "range",
        "target",
        "share of matmul rate",
        "cores used by others",
    ]
    return render.table("Embedding lyrics of mixed lengths", columns, rows, note)


def _token_ids(options: Options, tokenizer: Any, length: int) -> list[np.ndarray]:
    table = pd.read_csv(options.lyrics)
    if "lyrics" not in table:
        raise ValueError(f"{options.lyrics} has no column lyrics; it has {', '.join(map(str, table.columns))}")
    lyrics = table["lyrics"].dropna()
    chosen = lyrics.sample(min(options.texts, len(lyrics)), random_state=0)
    return text.tokenize(tokenizer, [str(song) for song in chosen], max_length=length)[0]


def _ours(pretrained: Any, ids: list[np.ndarray], dtype: str, batch_tokens: int | None) -> Callable[[], np.ndarray]:
    encoder = text.Encoder(models.TextTransformer(pretrained.config, dtype=jnp.dtype(dtype)), pretrained)

    def run() -> np.ndarray:
        vectors = np.zeros((len(ids), encoder.width), np.float32)

        def keep(rows: np.ndarray, found: np.ndarray) -> None:
            vectors[rows] = found

        compute(ids, encoder, keep, batch_tokens=batch_tokens)
        return vectors

    return run


def _peer(folder: Path, dtype: str) -> Any:
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa")
    return model.to(device, getattr(torch, dtype)).eval()


def _theirs(model: Any, ids: list[np.ndarray], batch_tokens: int) -> Callable[[], np.ndarray]:
    import torch

    device = model.device
    lengths = np.array([len(row) for row in ids])

    @torch.inference_mode()
    def run() -> np.ndarray:
        vectors = torch.zeros(len(ids), model.config.hidden_size)
        for rows, _, _ in batches(lengths, batch_tokens=batch_tokens, longest=int(lengths.max())):
            batch = np.zeros((len(rows), int(lengths[rows].max())), np.int64)
            for place, row in enumerate(rows):
                batch[place, : lengths[row]] = ids[row]
            mask = torch.from_numpy(np.arange(batch.shape[1]) < lengths[rows, None]).to(device)
            hidden = model(input_ids=torch.from_numpy(batch).to(device), attention_mask=mask.long()).last_hidden_state
            weights = mask[..., None].to(torch.float32)
            vectors[torch.from_numpy(rows)] = ((hidden * weights).sum(1) / weights.sum(1)).cpu()
        return vectors.numpy()

    return run


def _paired(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[np.ndarray, float | None]:
    """`[rounds, 2]` seconds, and the cores that others used at worst."""
    seconds, worst = [], []
    for _ in range(rounds):
        pair = []
        for run in (ours, theirs):
            with machine.Watch() as watch:
                run()
            pair.append(watch.seconds)
            worst.append(watch.others)
        seconds.append(pair)
    return np.array(seconds), None if None in worst else max(worst)  # type: ignore[type-var]


def _flops(config: text.TransformerConfig, length: int) -> float:
    """Floating-point operations of one text's matrix products."""
    width, inner = config.hidden_size, config.intermediate_size
    return 2.0 * config.num_hidden_layers * length * (4 * width**2 + 2 * width * inner + 2 * length * width)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
