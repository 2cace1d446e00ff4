"""Keeps the shelves in step with the catalog and the stock."""
