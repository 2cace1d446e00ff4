"""The management pages of a store, and the same as JSON: orders, stock, catalog, mediation."""
