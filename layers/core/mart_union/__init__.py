"""Mart Union: a network of regional marketplaces on serverless functions."""

import gc

# Importing a function makes some 110,000 objects that all stay. At Python's own threshold the garbage collector looks through them
# again and again meanwhile: 50 ms of a cold start. From 200,000 on it collects as ever.
gc.set_threshold(200_000, 20, 20)


def _import_sdk() -> None:
    """Import what all functions need of the SDK, on a stack that has room for it."""
    from botocore import session  # noqa: F401
    from pynamodb import models, transactions  # noqa: F401


# Python (3.11 to 3.13) keeps frames in pieces of 16 KB. A loop that happens to run across the end of a piece asks the system for a new
# one with every call: 10 to 50 ms of a cold start, depending on how deep the imports stand. One large frame gets a piece with room for all.
_import_sdk.__code__ = _import_sdk.__code__.replace(co_stacksize=1 << 15)
_import_sdk()
