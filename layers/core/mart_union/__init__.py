"""Mart Union: a network of regional marketplaces on serverless functions."""
