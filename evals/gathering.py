"""Several steps at once, so that one pending file collects what all of them still need."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from clio_core.door import UnrecordedError


async def gathered(*steps: Awaitable[Any]) -> list[Any]:
    """Every step's result, in order.

    Raises:
        UnrecordedError: after all steps ended; what recordings lack in any of them, as one error.
    """
    done = await asyncio.gather(*steps, return_exceptions=True)
    for found in done:
        if isinstance(found, BaseException) and not isinstance(found, UnrecordedError):
            raise found
    if missing := distinct(done):
        raise UnrecordedError.all_of(missing)
    return list(done)


def distinct(found: list[Any]) -> list[UnrecordedError]:
    """The errors of missing answers among results; one that several steps waited for counts once."""
    return list({id(error): error for error in found if isinstance(error, UnrecordedError)}.values())
