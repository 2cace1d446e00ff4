"""Enterprises, stores, categories, listings and the shelves that show them."""
