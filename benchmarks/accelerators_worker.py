"""Compile programs for an accelerator that isn't there; prints a line of JSON for each.

python -m benchmarks.accelerators_worker '[{"program": "FC-VAE", "chip": "v5e", "batch": 32}]'

The environment is `accelerators.environment`'s. A task names a program (`STEPS` or `FUNCTIONS`) and a chip, and may
give `batch`, `size` of a spectrogram, `dtype` and `devices`; `target` is XLA's description of a GPU, as text.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmusic import audio, losses, models, training
from jaxmusic._item_scores import products
from jaxmusic.text import TransformerConfig

_COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
_TOPOLOGIES = {"v5e": ("v5e:2x2", "v5e:2x4"), "v6e": ("v6e:2x2", "v6e:2x4")}
_BERT = TransformerConfig(vocab_size=30_522)


def main(tasks: list[dict[str, Any]]) -> None:
    """Compile each, and say what the compiler says."""
    for task in tasks:
        print(json.dumps({**task, **compiled(**task)}), flush=True)


def compiled(
    program: str,
    chip: str,
    *,
    batch: int,
    size: tuple[int, int] = (128, 1290),
    dtype: str = "float32",
    devices: int = 1,
    target: str = "",
) -> dict[str, Any]:
    """Temporary memory and arguments of a device (bytes), flops, bytes moved, collectives, seconds to compile.

    Args:
        program: a name of `STEPS`, for a step of training, or of `FUNCTIONS`.
        chip: `"v5e"`, `"v6e"` or `"h100"`.
        batch: rows of a step over all devices.
        size: mel bands and frames of a spectrogram.
        dtype: of the activations, of models that have one.
        devices: that share the batch.
        target: XLA's description of the GPU.

    Returns:
        Name → figure; flops and bytes are None where the compiler does not count them.
    """
    mesh = Mesh(np.array(_devices(chip, devices, target)), ("data",))
    everywhere, rows = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))
    if program in STEPS:
        module, shapes, inputs, loss = STEPS[program](batch, tuple(size), None if dtype == "float32" else dtype)
        trainer = training.Trainer(module, loss, optax.adam(1e-3), batch_size=batch, inputs=inputs, mesh=mesh)
        state = jax.eval_shape(trainer.engine.functions["initialize"], jax.random.key(0), shapes)
        function, arguments = trainer.engine.functions["step"], (_placed(state, everywhere), _placed(shapes, rows))
    else:
        unjitted, (constants, shapes) = FUNCTIONS[program](batch)
        function = jax.jit(unjitted)
        arguments = (_placed(constants, everywhere), *_placed(shapes, rows))
    began = time.perf_counter()
    done = function.lower(*arguments).compile()
    seconds = time.perf_counter() - began
    memory, costs, text = done.memory_analysis(), done.cost_analysis() or {}, done.as_text()
    return {
        "temporary": memory.temp_size_in_bytes,
        "arguments": memory.argument_size_in_bytes,
        "flops": costs.get("flops"),
        "bytes": costs.get("bytes accessed"),
        "collectives": {
            name: count for name in _COLLECTIVES if (count := len(re.findall(rf" {name}(?:-start)?\(", text)))
        },
        "seconds": seconds,
    }


def _devices(chip: str, count: int, target: str) -> list[Any]:
    if chip == "h100":
        topology = topologies.get_topology_desc(
            platform="cuda", topology_name="h100", topology=f"1x1x{count}", target_config=target
        )
    else:
        topology = topologies.get_topology_desc(platform="tpu", topology_name=_TOPOLOGIES[chip][count > 4])
    return list(topology.devices)[:count]


def _placed(tree: Any, sharding: NamedSharding) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)


def _array(*shape: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _vae(module: Any, *shape: int) -> tuple[Any, ...]:
    return module, {"inputs": _array(*shape)}, training.batch_inputs, losses.elbo()


def _joint(batch: int, size: tuple[int, int], dtype: Any) -> tuple[Any, ...]:
    inputs = {"audio": _array(batch, *size), "lyrics": _array(batch, 384)}
    masks = {name: _array(batch, dtype=bool) for name in inputs}
    module = models.JointVAE(*size, 384, 64, dtype=dtype)
    return module, {"inputs": inputs, "masks": masks}, training.batch_inputs, losses.joint_elbo(reduction="sum")


def _lyrics(batch: int, size: tuple[int, int], dtype: Any) -> tuple[Any, ...]:
    arrays = {"tokens": _array(batch, 512, dtype=jnp.int32), "lengths": _array(batch, dtype=jnp.int32)}
    arrays["labels"] = _array(batch, dtype=jnp.int32)
    inputs = lambda batch: (batch["tokens"], batch["lengths"])  # noqa: E731
    return models.LyricsClassifier(30_522), arrays, inputs, losses.cross_entropy()


def _spectrograms(batch: int, size: tuple[int, int], dtype: Any) -> tuple[Any, ...]:
    arrays = {"inputs": _array(batch, *size), "labels": _array(batch, dtype=jnp.int32)}
    return models.SpectrogramClassifier(*size, 10), arrays, training.batch_inputs, losses.cross_entropy()


def _text(batch: int) -> tuple[Callable[..., Any], Any]:
    module = models.TextTransformer(_BERT)
    tokens = _array(batch, 128, dtype=jnp.int32)
    variables = jax.eval_shape(module.init, jax.random.key(0), tokens)
    return lambda variables, tokens: module.apply(variables, tokens).pooled, (variables, (tokens,))


def _top(batch: int) -> tuple[Callable[..., Any], Any]:
    def best(factors: jax.Array, users: jax.Array) -> Any:
        return jax.lax.top_k(products(users, factors), 500)

    return best, (_array(380_000, 64), (_array(batch, 64),))


def _sound(function: Callable[..., Any]) -> Callable[[int], tuple[Callable[..., Any], Any]]:
    return lambda batch: (lambda _, y: function(y=y), ((), (_array(batch, 30 * 22_050),)))


STEPS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "FC-VAE": lambda batch, size, dtype: _vae(models.FCVAE(dtype=dtype), batch, 256),
    "Conv1D VAE": lambda batch, size, dtype: _vae(models.Conv1DVAE(436, 64, dtype=dtype), batch, 436),
    "ConvVAE": lambda batch, size, dtype: _vae(models.ConvVAE(*size, dtype=dtype), batch, *size),
    "JointVAE": _joint,
    "SpectrogramClassifier": _spectrograms,
    "LyricsClassifier": _lyrics,
}
"""Steps of training: `(batch, size, dtype) -> (module, shapes of a batch, inputs, loss)`."""
FUNCTIONS: dict[str, Callable[[int], tuple[Callable[..., Any], Any]]] = {
    "text encoding": _text,
    "top items": _top,
    "melspectrogram": _sound(audio.melspectrogram),
    "mfcc": _sound(audio.mfcc),
}
"""Other programs: `batch -> (function of constants and rows, their shapes)`."""


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
