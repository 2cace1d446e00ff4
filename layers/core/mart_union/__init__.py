"""Mart Union: a network of regional marketplaces on serverless functions."""

import gc

# Importing a function makes some 110,000 objects that all stay. At Python's own threshold the garbage collector looks through them
# again and again meanwhile: 50 ms of a cold start. From 200,000 on it collects as ever.
gc.set_threshold(200_000, 20, 20)
