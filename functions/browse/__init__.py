"""The public pages: the union's front, stores, categories, listings; and the same as JSON."""
