"""One folder for each document; a file imports only those above it. What several share lies beside the folders:
`clips.py`, music with lyrics as they load it, and `readings.py`, the ways to read their loss.

variants.py    the ways to run the pipeline
config.py      every option of a run
pipeline.py    data → what models see → fitted models (with views, features, … beside it where it is long)
scores.py      fitted models → records
experiments.py further records, on why the numbers came out as they did
rows.py        which records the report shows, and what its rows say
figures.py     records and arrays → pictures
notes.py       the values that notes.md speaks of, where they are many
outputs.py     all of it → the report and the document's files
reported.toml  the document's numbers, with the fields of the records that they belong to
findings.toml  the sentences at the top of the report
notes.md       what the document states, what is really there, and what is done about it
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if _missing := [name for name in ("jax", "flax", "jaxmusic", "tyro") if find_spec(name) is None]:
    # The scripts import this package first, so that whoever starts one outside the environment reads one line.
    raise SystemExit(
        f"{sys.argv[0]}: {', '.join(_missing)} not found here. `make environment` installs everything; then run "
        f".venv/bin/python {' '.join(sys.argv)}"
    )

if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent.parent:
    from jaxmusic._interrupts import end_on_interrupt

    end_on_interrupt("interrupted: the same command with --resume goes on where this one stopped")
