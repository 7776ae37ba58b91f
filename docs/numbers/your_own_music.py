"""Numbers of docs/your_own_music.md, see `docs/page_numbers.py`."""

from docs.page_numbers import benchmark

b_map = benchmark("map_page-amd-epyc-2-cores")
# Of the documents themselves, bounds of what is measured, or versions of browsers.
GIVEN = {
    "0.195",
    "0.244",
    "0.268",
    "0.341",
    "15 %",
    "16.4",
    ".26",
    ".34",
    ".64",
    ".82",
    ".83",
    ".88",
    ".97",
}


def ten_thousand() -> str:
    table, n = "The page in headless chromium", "10,000"
    return f"""\
Ten thousand clips with 200 words of lyrics each make a page of {b_map(table, n, "MB"):.1f} MB. In headless chromium on two cores, which others kept busy, it is open after {b_map(table, n, "opened, s"):.1f} s and pans at {b_map(table, n, "pan, frames/s"):.0f} frames a second of 60 ([table](../benchmarks/RESULTS.md)).
"""
