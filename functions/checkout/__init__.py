"""Carts, quotes and purchases."""
