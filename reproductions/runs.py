"""What every reproduction script does around its pipeline: the command line, the output folder, resuming."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from jaxmusic import report

C = TypeVar("C")
# Fields that say where and how far a run goes and what is shown, not what a seed computes; more seeds extend a run.
_PLACES = ("out", "resume", "data", "gtzan", "banglabeats", "cache", "more_lyrics", "seeds", "projections", "same_data")
# Places say nothing in a report, and would name a machine's folders.
_UNSTATED = tuple(name for name in _PLACES if name != "seeds")


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
    settings = {k: v for k, v in dataclasses.asdict(config).items() if k not in _PLACES}
    settings = json.loads(json.dumps({**settings, "data_fingerprint": data_fingerprint}, default=str))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"the output folder {folder} cannot be made: {error.strerror}") from error
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
    earlier = sorted(path for pattern in own for path in folder.glob(pattern)) if kept.exists() else []
    if earlier:
        print(f"starting anew: deleting what an earlier run left in {folder}: {', '.join(p.name for p in earlier)}")
    for path in earlier:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    report.write_atomically(kept, json.dumps(settings, indent=1) + "\n")


def check_variants(chosen: Sequence[str], known: Mapping[str, Any], seeds: int) -> None:
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


def drop_models(folders: Iterable[Path], seed: int) -> None:
    """Delete the models of a finished seed, but the first's."""
    if seed:
        for folder in list(folders):
            shutil.rmtree(folder)


def settings_changed(config: Any, preset: Any) -> str:
    """What of a run's config differs from its preset, for the report."""
    changed = [
        f"{field.name} {getattr(config, field.name)} (preset: {getattr(preset, field.name)})"
        for field in dataclasses.fields(config)
        if field.name not in (*_UNSTATED, "preset") and getattr(config, field.name) != getattr(preset, field.name)
    ]
    return ", ".join(changed) or "nothing"


def cached(path: Path, compute: Callable[[], Any]) -> Any:
    """The JSON value at `path`, computed and written where it is missing."""
    if path.exists():
        return json.loads(path.read_text())
    # Through JSON in both cases, so that a resumed run sees exactly what a straight one does.
    text = json.dumps(compute())
    report.write_atomically(path, text)
    return json.loads(text)


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, so that a second run starts sooner."""
    import jax

    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxmusic" / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))


def guarded(main: Callable[[], Path]) -> None:
    """Run a script's main function; what a user can mend ends in one line, an interrupt says how to go on."""
    try:
        print(f"report: {main()}")
    except (ValueError, OSError) as error:
        raise SystemExit(f"{Path(sys.argv[0]).name}: {error}") from error
    except KeyboardInterrupt:
        print("\ninterrupted: the same command with --resume goes on where this one stopped", file=sys.stderr)
        raise SystemExit(130) from None
