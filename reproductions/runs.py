"""What every reproduction does around its pipeline: the command line, the output folder, resuming, the study."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import tyro

from jaxmusic import report
from jaxmusic._locks import held
from jaxmusic._programs import keep_compiled_programs

C = TypeVar("C")
# Fields that say where and how far a run goes and what is shown, not what a seed computes; more seeds extend a run.
_PLACES = (
    "out",
    "resume",
    "data",
    "gtzan",
    "banglabeats",
    "cache",
    "more_lyrics",
    "seeds",
    "projections",
    "experiments",
    "same_data",
)
# Places say nothing in a report, and would name a machine's folders.
_UNSTATED = tuple(name for name in _PLACES if name != "seeds")
# What the files in work/ look like; a run that left others cannot be resumed.
_FORMAT = 2
Task = Callable[[], Any]


class Document(NamedTuple):
    """What a script gives the study.

    Attributes:
        presets: name → config.
        variants: those that a config may name.
        prepare: config → the data.
        fingerprint: data → a text that changes when they do.
        tasks: (config, data) → name → what computes a JSON value; each is kept in `work/<name>.json`.
        write: (config, preset, data, name → value, timing) → the path of the report.
        files: patterns of the names that a run leaves in its folder besides `config.json`.
        models: patterns of folders below the output, with `{task}`: of all tasks but the first they are deleted when
            the task is done, since its numbers are on disk then.
    """

    presets: Mapping[str, Any]
    variants: Collection[str]
    prepare: Callable[[Any], Any]
    fingerprint: Callable[[Any], str]
    tasks: Callable[[Any, Any], dict[str, Task]]
    write: Callable[[Any, Any, Any, dict[str, Any], dict[str, float]], Path]
    files: Sequence[str]
    models: Sequence[str] = ()


def study(document: Document, config: Any) -> Path:
    """Run what is not done yet, and write the report.

    Args:
        document: the parts.
        config: the run's dataclass; has `preset`, `variant`, `seeds`, `out` and `resume`.

    Returns:
        The path of `report.md`.

    Raises:
        ValueError: an option, or what lies in the output folder, cannot be used.
        OSError: the folder cannot be written.
    """
    check_variants(config.variant, document.variants, config.seeds)
    began = time.perf_counter()
    keep_compiled_programs()
    prepared = document.prepare(config)
    make_folder(config.out)
    with held(config.out):
        return _run_study(document, config, prepared, began)


def _run_study(document: Document, config: Any, prepared: Any, began: float) -> Path:
    open_output(
        config.out, config, resume=config.resume, data_fingerprint=document.fingerprint(prepared), own=document.files
    )
    timing = {"load": time.perf_counter() - began}
    found = {}
    for name, task in document.tasks(config, prepared).items():
        print(name.replace("_", " "), flush=True)
        found[name] = cached(config.out / "work" / f"{name}.json", task)
        for pattern in document.models if len(found) > 1 else ():
            for folder in list(config.out.glob(pattern.format(task=name))):
                shutil.rmtree(folder)
    timing["everything else, this call"] = time.perf_counter() - began - timing["load"]
    return document.write(config, document.presets[config.preset], prepared, found, timing)


def run(document: Document, config: type[C]) -> None:
    """A script's main program; what a user can mend ends in one line."""
    guarded(lambda: study(document, parse(config, document.presets)))


def parse(config: type[C], presets: Mapping[str, C], arguments: Sequence[str] | None = None) -> C:
    """The command line as a config: `--preset` chooses the defaults, every other option overrides one of them."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = "quick"
    for i, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == "--preset":
            chosen = value or (words[i + 1] if i + 1 < len(words) else "")
    if chosen not in presets:
        raise SystemExit(f"--preset {chosen!r} is none of {sorted(presets)}")
    return tyro.cli(config, default=presets[chosen], args=words)


def by_seed(found: Mapping[str, Any], prefix: str = "seed_") -> list[Any]:
    """The values of the tasks `seed_0`, `seed_1`, …"""
    return [value for name, value in found.items() if name.startswith(prefix)]


def seconds_by_variant(seeds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds by variant and step, all seeds together."""
    found: dict[str, float] = {}
    for variants in seeds:
        for variant, facts in variants.items():
            for step, seconds in facts["seconds"].items():
                name = f"{variant}, {step}, all seeds"
                found[name] = found.get(name, 0.0) + seconds
    return found


def fingerprint(*parts: Any) -> str:
    """A text that changes when an array or a column of texts does.

    Args:
        parts: NumPy arrays of numbers, sparse arrays, or columns of anything that `str` takes; None is left out.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        if hasattr(part, "indptr"):
            arrays = [part.data, part.indices, part.indptr]
        elif isinstance(part, np.ndarray) and part.dtype.kind in "biufc":
            arrays = [part]
        elif part is not None:
            digest.update("\n".join(map(str, part)).encode() + b"\0")
            continue
        else:
            continue
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def make_folder(folder: Path) -> None:
    """Make the output folder where it is missing.

    Raises:
        OSError: it cannot be made; says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"the output folder {folder} cannot be made: {error.strerror}") from error


def open_output(folder: Path, config: Any, *, resume: bool, data_fingerprint: str, own: Sequence[str]) -> None:
    """Make the output folder ready, or refuse it with the reason.

    Args:
        folder: made if it does not exist.
        config: the run's dataclass; kept as `config.json`, which a resumed run must match.
        resume: go on with what lies there.
        data_fingerprint: changes when the data does.
        own: patterns of the names in the folder that belong to the script; a fresh run starts without what an earlier
            one left under them. In a folder without a `config.json` nothing is deleted.

    Raises:
        ValueError: a resumed run has another config or other data.
        OSError: the folder cannot be written.
    """
    settings = {k: v for k, v in flat(config).items() if k not in _PLACES}
    settings |= {"data_fingerprint": data_fingerprint, "format": _FORMAT}
    settings = json.loads(json.dumps(settings, default=str))
    make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise OSError(f"the output folder {folder} cannot be written: choose another with --out")
    kept = folder / "config.json"
    if resume and kept.exists():
        before = json.loads(kept.read_text())
        differing = [
            f"{k} was {before.get(k)!r} and is {settings.get(k)!r}"
            for k in sorted({*before, *settings})
            if before.get(k) != settings.get(k)
        ]
        if differing:
            raise ValueError(f"{folder} holds another run: {'; '.join(differing)}. Drop --resume to start anew")
        return
    earlier = sorted({path for pattern in own for path in folder.glob(pattern)}) if kept.exists() else []
    if earlier:
        print(f"starting anew: deleting what an earlier run left in {folder}: {', '.join(p.name for p in earlier)}")
    for path in earlier:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    report.write_atomically(kept, json.dumps(settings, indent=1) + "\n")


def flat(config: Any) -> dict[str, Any]:
    """Option → value, nested ones as `outer.inner`."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found |= {f"{field.name}.{name}": inner for name, inner in flat(value).items()}
        else:
            found[field.name] = value
    return found


def check_variants(chosen: Sequence[str], known: Collection[str], seeds: int) -> None:
    """Refuse variants that are unknown or named twice, and fewer than one seed.

    Raises:
        ValueError: names what is wrong.
    """
    unknown = set(chosen) - set(known)
    if unknown or not chosen:
        raise ValueError(f"--variant {sorted(unknown)} is none of {sorted(known)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"--variant names one twice: {' '.join(chosen)}")
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {seeds}")


def settings_changed(config: Any, preset: Any) -> str:
    """What of a run's config differs from its preset, for the report."""
    before = flat(preset)
    changed = [
        f"{name} {_without_place(value)} (preset: {before[name]})"
        for name, value in flat(config).items()
        if name not in (*_UNSTATED, "preset") and value != before[name]
    ]
    return ", ".join(changed) or "nothing"


def _without_place(value: Any) -> Any:
    """Of a file or folder its name: where it lies says something of the machine alone."""
    is_place = isinstance(value, str | Path) and Path(value).is_absolute()
    return Path(value).name if is_place else value


def cached(path: Path, compute: Task) -> Any:
    """The JSON value at `path`, computed and written where it is missing."""
    if path.exists():
        return json.loads(path.read_text())
    # Through JSON in both cases, so that a resumed run sees exactly what a straight one does.
    text = json.dumps(compute())
    report.write_atomically(path, text)
    return json.loads(text)


def guarded(main: Callable[[], Path]) -> None:
    """Run a script's main function; what a user can mend ends in one line."""
    try:
        print(f"report: {main()}")
    except (ValueError, OSError) as error:
        raise SystemExit(f"{Path(sys.argv[0]).name}: {error}") from error
