"""Identifiers: time-ordered ones for what happens, derived ones for what must happen once."""

from __future__ import annotations

import hashlib
import secrets
import time

import msgspec

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case


def _base32(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))


def new_id() -> str:
    """A unique id of 20 characters that sorts by its time of making (milliseconds, then 55 random bits)."""
    return _base32(int(time.time() * 1000), 9) + _base32(secrets.randbits(55), 11)


def derived_id(*parts: str) -> str:
    """The same 24 characters for the same parts: what a repeated command makes is found, not made again."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _base32(int.from_bytes(digest[:15], "big"), 24)


def input_hash(value: object) -> str:
    """A fingerprint of a command's input, equal for equal values whatever the order of their keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:32]
