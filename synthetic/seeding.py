"""Numbers that are drawn from a seed and named parts, so that no row depends on how many others there are."""

from __future__ import annotations

import hashlib


def draw(seed: int, *parts: object) -> int:
    """A number below 2**64 that depends on the seed and the parts alone."""
    return int.from_bytes(hashlib.sha256(repr((seed, *parts)).encode()).digest()[:8], "big")
