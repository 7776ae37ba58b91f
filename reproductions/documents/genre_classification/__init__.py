"""Deep Music Genre Classification."""
