"""Shelves follow what they show."""
