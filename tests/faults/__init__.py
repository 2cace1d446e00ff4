"""The fault harness: every command of the system, broken at each of its requests in every way, and repeated (docs/proof.md)."""
