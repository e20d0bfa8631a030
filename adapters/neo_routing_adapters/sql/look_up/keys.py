"""What rows are looked for by, and in which combinations for a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam
from sqlalchemy.types import TypeEngine, UserDefinedType

# By what is looked for, besides the tenant's id. Plain integers: flags take a microsecond to join.
BY_AGENT: Final = 1
BY_MANAGED_KEY: Final = 2
BY_BOT: Final = 4
BY_M365_TENANT: Final = 8


def keys_given(agent_id: object, managed_key: object, bot_id: object, m365_tenant_id: object) -> int:
    """Tell by which keys rows are looked for, if these are given."""
    keys = 0 if agent_id is None else BY_AGENT
    if managed_key is not None:
        keys |= BY_MANAGED_KEY
    if bot_id is not None:
        keys |= BY_BOT if m365_tenant_id is None else BY_BOT | BY_M365_TENANT
    return keys


class _TextOnServer(UserDefinedType[str]):
    """The type of a text that is given. SQLAlchemy's is VARCHAR: PostgreSQL would convert each row of the union."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"


_TEXT: Final = Text().with_variant(_TextOnServer(), "postgresql")
KEYS: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": _TEXT,
    "agent_id": BigInteger(),
    "managed_key": _TEXT,
    "bot_id": _TEXT,
    "m365_tenant_id": _TEXT,
}
"""What rows are looked for by, in the order of `RowsNeeded`."""

TOKEN: Final = "token"  # noqa: S105  # the name of an argument
"""The argument of a batch that its answer must say again."""

# The combinations of keys by which rows are looked for in a batch, and the keys that must be there for that.
TENANT: Final = ("tenant_id",)
AGENT: Final = ("agent_id",)
MANAGED_AGENT: Final = ("tenant_id", "managed_key")
BOT: Final = ("bot_id",)
CHANNEL: Final = ("tenant_id", "bot_id", "m365_tenant_id")
OWN_CHANNEL: Final = ("tenant_id", "bot_id")
INSTALLED_CHANNEL: Final = ("bot_id", "m365_tenant_id")
LINK: Final = ("tenant_id", "m365_tenant_id")
COMBINATIONS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    TENANT: ("tenant_id",),
    AGENT: ("agent_id",),
    MANAGED_AGENT: ("managed_key",),
    BOT: ("bot_id",),
    OWN_CHANNEL: ("bot_id",),
    INSTALLED_CHANNEL: ("bot_id", "m365_tenant_id"),
    LINK: ("bot_id", "m365_tenant_id"),
}


def token() -> ColumnElement[str]:
    """Say the token again, in the place that it has in the marker."""
    return bindparam(TOKEN, type_=_TEXT).label("id")


def distinct(columns: Sequence[Sequence[Any]], required: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Leave out the combinations for which a key is not there that must be: they would find nothing."""
    there = [None not in keys for keys in zip(*required, strict=True)]
    combinations = zip(*columns, strict=True)
    kept = dict.fromkeys(combinations if all(there) else compress(combinations, there))
    return [[*column] for column in zip(*kept, strict=True)] or [[] for _ in columns]


def any_of(keys: Iterable[Any]) -> Any:
    """Return one that is there, or nothing."""
    return next((key for key in keys if key is not None), None)
