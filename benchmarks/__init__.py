"""Measurements, one file per question, each against a named peer in the same run.

Each file is a command; it writes `results/<question>-<machine>.json` and renders `RESULTS.md` anew.
"""
