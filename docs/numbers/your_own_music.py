"""Numbers of docs/your_own_music.md, see `docs/page_numbers.py`."""

# Of the documents themselves, or bounds of what is measured.
GIVEN = {"0.195", "0.244", "0.268", "0.341", "15 %"}
