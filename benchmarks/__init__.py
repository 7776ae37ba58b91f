"""Measurements, one file per question, each against a named peer in the same run.

Each file is a command; it writes `results/<question>-<machine>.json` and `RESULTS.md` into build/benchmarks or,
with `--commit`, in place of the published ones.
"""
