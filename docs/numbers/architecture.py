"""Numbers of docs/architecture.md, see `docs/page_numbers.py`."""

# Of the documents themselves, or bounds of what is measured.
GIVEN = {"82 %"}
