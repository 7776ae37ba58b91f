"""Where compiled programs are kept; what every command of the project shares."""

from __future__ import annotations

import os
from pathlib import Path


def keep_compiled_programs() -> None:
    """Keep what JAX compiles in the user's cache folder, so that a second run on this machine starts sooner.

    For programs, not for the library: importing sets no JAX option.
    """
    import jax

    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxmusic" / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))
