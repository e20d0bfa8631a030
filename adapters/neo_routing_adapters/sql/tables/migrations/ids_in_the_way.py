"""Finds what cannot be brought into other normal forms: unusable ids, and what a guard would refuse afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, inspect, text

_KEYS: Final = {
    "routing_channel": "id",
    "routing_channel_installation": "channel_id",
    "routing_end_company_link": "end_company_id",
}
_AT_A_TIME: Final = 5_000
_MOST_IDS: Final = 20


def unusable(connection: Connection, columns: Mapping[str, str]) -> Iterator[str]:
    """Name each id that has no usable normal form."""
    for table, column in columns.items():
        query = f"""
            SELECT {_KEYS[table]}, spelling FROM {table}
            JOIN spelling ON spelling = {column} AND sort = '{column}'
            WHERE normal_form IS NULL ORDER BY {_KEYS[table]}, spelling"""
        for row_id, value in _streamed(connection, query):
            yield f"{table} {row_id}: {column} {value!r} cannot be an id"


@frozen
class _Clash:
    """What a guard refuses: the query yields the key that one row alone should have, then the id of a row."""

    guard: str
    table: str
    complaint: str
    key: tuple[str, str]
    query: str


_NEW_BOT: Final = "LEFT JOIN spelling AS bot ON bot.sort = 'bot_id' AND bot.spelling = bot_id"
_NEW_M365_TENANT: Final = (
    "LEFT JOIN spelling AS m365 ON m365.sort = 'm365_tenant_id' AND m365.spelling = m365_tenant_id"
)
_BOT: Final = "coalesce(bot.normal_form, bot_id)"
_M365_TENANT: Final = "coalesce(m365.normal_form, m365_tenant_id)"

_CLASHES: Final = (
    _Clash(
        "guard_one_active_channel",
        "routing_channel",
        "several active channels of one tenant would have the same bot",
        ("tenant_id", "bot_id"),
        f"SELECT tenant_id AS a, {_BOT} AS b, id AS row_id FROM routing_channel {_NEW_BOT} WHERE status = 'ACTIVE'",
    ),
    _Clash(
        "guard_one_active_installation",
        "routing_channel_installation",
        "several active white-label channels with the same bot would be installed for one M365 tenant",
        ("bot_id", "m365_tenant_id"),
        f"SELECT DISTINCT {_BOT} AS a, {_M365_TENANT} AS b, channel_id AS row_id FROM routing_channel_installation "
        f"{_NEW_BOT} {_NEW_M365_TENANT} WHERE status = 'ACTIVE' AND white_label",
    ),
    _Clash(
        "guard_one_linked_company",
        "routing_end_company_link",
        "several end-companies of one tenant would be linked to the same M365 tenant",
        ("tenant_id", "m365_tenant_id"),
        f"SELECT DISTINCT tenant_id AS a, {_M365_TENANT} AS b, end_company_id AS row_id FROM routing_end_company_link "
        f"{_NEW_M365_TENANT}",
    ),
)


def clashes(connection: Connection) -> Iterator[str]:
    """Name each group of rows that a guard would refuse."""
    for clash in _CLASHES:
        if clash.guard in {index["name"] for index in inspect(connection).get_indexes(clash.table)}:
            yield from _clashes(connection, clash)


def _clashes(connection: Connection, clash: _Clash) -> Iterator[str]:
    counted = f"SELECT a, b, row_id, count(*) OVER (PARTITION BY a, b) AS many FROM ({clash.query}) AS new"
    query = f"SELECT a, b, row_id FROM ({counted}) AS counted WHERE many > 1 ORDER BY a, b, row_id"
    for key, group in groupby(_streamed(connection, query), key=lambda row: row[:2]):
        ids = ", ".join(row.row_id for row in islice(group, _MOST_IDS))
        particulars = ", ".join(f"{name} {value!r}" for name, value in zip(clash.key, key, strict=True))
        yield f"{clash.table} {ids}: {clash.complaint}, which {clash.guard} refuses: {particulars}"


def _streamed(connection: Connection, query: str) -> Iterator[Any]:
    with connection.execute(text(query), execution_options={"yield_per": _AT_A_TIME}) as rows:
        yield from rows
