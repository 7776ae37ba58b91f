"""Numbers of docs/your_own_music.md, see `docs/page_numbers.py`."""

# Of the documents themselves, bounds of what is measured, or versions of browsers.
GIVEN = {"0.195", "0.244", "0.268", "0.341", "15 %", "16.4"}
