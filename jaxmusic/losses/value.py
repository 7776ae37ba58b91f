"""What a loss is: a value that can be called, compared, hashed and printed."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from jaxtyping import Array

Schedule = Callable[[Array], Array]
"""A schedule: step, an integer scalar → weight, a scalar; any of optax's."""
LossFunction = Callable[[Any, Mapping[str, Any]], tuple[Array, dict[str, Array]]]
"""A loss: `(outputs of a module, batch) -> (scalar, name → scalar)`, what `training.fit` takes."""

_Options = ParamSpec("_Options")


@dataclass(frozen=True, repr=False)
class Loss:
    """A loss function with the options that it was made of, so that equal options are equal losses.

    What is compiled for a loss can be kept by it: `elbo(beta=4.0)` made twice is one key of a dictionary. Schedules and
    other functions among the options are compared as Python compares functions, by identity.

    Losses add up, and a number times a loss is one: `elbo() + 0.1 * label_head()`.

    >>> from jaxmusic import losses
    >>> losses.elbo(beta=4.0), losses.elbo(beta=4.0) == losses.elbo(beta=4.0, reduction="mean")
    (elbo(beta=4.0), True)

    Attributes:
        maker: the function that made it, such as `elbo`.
        options: all its keyword arguments by name; mappings in the order of their keys, arrays as tuples.
        function: `(outputs, batch) -> (scalar, metrics)`; calling the loss calls it.
    """

    maker: Callable[..., Loss]
    options: FrozenDict[str, Any]
    function: LossFunction = field(compare=False)

    def __call__(self, outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        """The loss of a module's outputs on a batch.

        Args:
            outputs: what the module returned.
            batch: what it was given, with what the loss reads.

        Returns:
            A scalar, and name → scalar metrics.
        """
        return self.function(outputs, batch)

    def __add__(self, other: Loss) -> Loss:
        """The sum of two losses, whose metrics are those of both."""
        if not isinstance(other, Loss):
            return NotImplemented
        mine, others = ((x.options["terms"] if x.maker is total else (x,)) for x in (self, other))
        return total(terms=(*mine, *others))

    def __rmul__(self, weight: float | str | Schedule) -> Loss:
        """The loss times a weight; its metrics stay as they are."""
        return weighted(term=self, weight=weight)

    def __repr__(self) -> str:
        parameters = inspect.signature(self.maker).parameters
        given = (f"{k}={_text(v)}" for k, v in self.options.items() if not _is(v, parameters[k].default))
        return f"{self.maker.__name__}({', '.join(given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (self.maker, dict(self.options))


def loss(maker: Callable[_Options, LossFunction]) -> Callable[_Options, Loss]:
    """Decorator: a function of keyword options that returns a loss function → one that returns a `Loss`.

    Args:
        maker: takes options that are numbers, strings, functions, mappings or arrays of such, and returns
            `(outputs, batch) -> (scalar, name → scalar)`.

    Returns:
        The same function, whose results are values.

    Raises:
        TypeError: (by the function returned) an option that cannot be hashed.
        ValueError: (by the function returned) an option annotated as a number, a name or a schedule that is none, or a
            number that is not finite.

    >>> @loss
    ... def mean_absolute(*, target="inputs"):
    ...     return lambda outputs, batch: (abs(outputs - batch[target]).mean(), {})
    >>> mean_absolute() == mean_absolute(target="inputs"), mean_absolute(target="y")
    (True, mean_absolute(target='y'))
    """
    signature = inspect.signature(maker)
    parameters = signature.parameters

    @functools.wraps(maker)
    def make(*args: _Options.args, **kwargs: _Options.kwargs) -> Loss:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        options = {}
        for option, value in bound.arguments.items():
            name = f"{maker.__name__}: {option}"
            options[option] = _hashable(_checked(value, parameters[option].annotation, name), name)
        return Loss(make, FrozenDict(options), maker(**options))  # type: ignore[call-arg]

    return make


@loss
def total(*, terms: Sequence[Loss]) -> LossFunction:
    """The sum of losses from left to right, as `+` makes it; metrics of all.

    Args:
        terms: one at least.

    Returns:
        A `Loss`.

    Raises:
        ValueError: no term, or (when called) two terms with a metric of one name.
    """
    if not terms:
        raise ValueError("a sum of losses needs a term at least")

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        value, metrics = terms[0](outputs, batch)
        for term in terms[1:]:
            more, others = term(outputs, batch)
            if twice := sorted(set(metrics) & set(others)):
                raise ValueError(f"two terms of one sum report {twice}: leave one of them out")
            value, metrics = value + more, {**metrics, **others}
        return value, metrics

    return function


@loss
def weighted(*, term: Loss, weight: float | str | Schedule) -> LossFunction:
    """A loss times a weight, as `*` makes it; its metrics stay as they are.

    Args:
        term: the loss.
        weight: a number, a schedule of the step, or the key of the batch that holds it.

    Returns:
        A `Loss`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        value, metrics = term(outputs, batch)
        return weight_at(weight, batch) * value, metrics

    return function


def weight_at(value: float | str | Schedule, batch: Mapping[str, Any]) -> Array:
    """A weight as a float32 scalar: a number, the batch's entry of that name, or a schedule at the batch's step.

    Args:
        value: the weight, a key of `batch`, or a schedule.
        batch: with `"step"` where `value` is a schedule.

    Returns:
        A scalar, float32.

    Raises:
        ValueError: a schedule without a step.
    """
    if isinstance(value, str):
        return jnp.asarray(batch[value], jnp.float32)
    if not callable(value):
        return jnp.asarray(value, jnp.float32)
    if "step" not in batch:
        raise ValueError("a schedule needs batch['step'], which training.fit provides")
    return jnp.asarray(value(batch["step"]), jnp.float32)


def _remake(maker: Callable[..., Loss], options: dict[str, Any]) -> Loss:
    return maker(**options)


def _checked(value: Any, annotation: Any, name: str) -> Any:
    """`value`, held against what its option is annotated as where that is a number or a name.

    Raises:
        ValueError: another kind of value, or a number that is not finite.
    """
    is_number = isinstance(value, numbers.Real | np.ndarray | np.generic | jax.Array) and not isinstance(value, bool)
    kinds = [kind.strip() for kind in str(annotation).split("|")]
    of_kind = {"float": is_number, "int": is_number, "str": isinstance(value, str), "Schedule": callable(value)}
    if all(kind in of_kind or kind == "None" for kind in kinds):
        if not any(value is None if kind == "None" else of_kind[kind] for kind in kinds):
            raise ValueError(f"{name} is {value!r}: give {annotation}")
        if is_number and not isinstance(value, jax.core.Tracer) and not np.isfinite(value).all():
            raise ValueError(f"{name} is {value!r}: give a finite number")
    return value


def _hashable(value: Any, name: str) -> Any:
    """`value` in a form that compares and hashes by what it holds."""
    if isinstance(value, jax.core.Tracer):  # a weight that is differentiated: such a loss lives within one trace
        return value
    if isinstance(value, Mapping):
        return FrozenDict({k: _hashable(value[k], f"{name}[{k!r}]") for k in sorted(value)})
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _hashable(np.asarray(value).tolist(), name)
    if isinstance(value, list | tuple):
        return tuple(_hashable(x, name) for x in value)
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"{name} is a {type(value).__name__}, which cannot be hashed: give a number, a string, a function, "
            "a mapping or an array"
        ) from None
    return value


def _is(value: Any, default: Any) -> bool:
    return not isinstance(value, jax.core.Tracer) and value == default


def _text(value: Any) -> str:
    """`value` in code, and a function by its name: its address would differ between runs."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {_text(v)}" for k, v in value.items()) + "}"
    return getattr(value, "__qualname__", None) or repr(value)
