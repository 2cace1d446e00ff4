"""Suppliers, offers, links, and the sellers' own web shops."""
