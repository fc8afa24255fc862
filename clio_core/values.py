"""Values as they come out of JSON and Parquet: made alike, described without being quoted, refused with a reason."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


class FieldError(ValueError):
    """One field of one row is not what it must be. The loader adds where the row stands.

    Attributes:
        field: path of the field inside its row, such as "messages[2].content".
        wanted: what was wanted there.
        got: what came, described by kind and size; never what somebody wrote.
    """

    def __init__(self, field: str, wanted: str, got: str) -> None:
        super().__init__(f"{field}: wanted {wanted}, got {got}")
        self.field, self.wanted, self.got = field, wanted, got


def described(value: object) -> str:
    """The kind and size of a value, for error messages that must not repeat what somebody wrote."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"a text of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)}"
        case Mapping():
            return f"an object with {len(value)} keys"
    return type(value).__name__


def plain(value: Any, name: str) -> Any:
    """A value as JSON can hold it, the same whether it came out of JSON or out of Parquet.

    Null, NaN and empty objects inside an object count as absent, since Parquet fills them in for whatever some other
    row has; 1.0 becomes 1; times become ISO 8601 in UTC; bytes become base64.

    Raises:
        FieldError: a type that no JSON value stands for; `name` is the field it names.
    """
    if isinstance(value, Mapping):
        kept = ((str(key), plain(item, f"{name}.{key}")) for key, item in value.items())
        return {key: item for key, item in kept if item is not None and item != {}}
    if isinstance(value, list | tuple):
        return [plain(item, f"{name}[]") for item in value]
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, str | bool | int):
        return value
    return _plain_scalar(value, name)


def _plain_scalar(value: Any, name: str) -> str:
    if isinstance(value, datetime):
        return utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return str(value)
    raise FieldError(name, "a value that JSON can hold", described(value))


def utc(value: datetime) -> datetime:
    """The same moment in UTC; a time without a zone is taken to be in UTC already."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def decoded(value: object, name: str) -> object:
    """What a column holds: nested columns that vary from row to row are commonly stored in Parquet as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise FieldError(name, "a list or an object, or JSON text of one", described(value)) from error
