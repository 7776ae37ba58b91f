"""One folder for each document: its configuration, pipeline, scores, reported numbers, rows, figures and notes."""

import sys
from importlib.util import find_spec

if _missing := [name for name in ("jax", "flax", "jaxmusic", "tyro") if find_spec(name) is None]:
    # The scripts import this package first, so that whoever starts one outside the environment reads one line.
    raise SystemExit(
        f"{sys.argv[0]}: {', '.join(_missing)} not found here. `make environment` installs everything; then run "
        f".venv/bin/python {' '.join(sys.argv)}"
    )
