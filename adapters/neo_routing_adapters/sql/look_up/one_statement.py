"""Which queries make up the one statement that fetches every row that a decision, or a batch of them, can need.

It is a UNION of some sorts of rows, each found by an index. Which sorts depends on which keys there are: a statement
for everything, with NULL for a key that is not there, would be planned anew at most calls. For a batch the rows are
looked for by every combination of keys that any of its decisions needs. What is written then stands in
`tests/sql/statements/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, literal_column, null, select, union_all

from neo_routing_adapters.sql.look_up import queries
from neo_routing_adapters.sql.look_up.carriers import Carrier, LookUp, Query
from neo_routing_adapters.sql.look_up.evidence import MARKED
from neo_routing_adapters.sql.look_up.keys import (
    AGENT,
    BY_AGENT,
    BY_BOT,
    BY_M365_TENANT,
    BY_MANAGED_KEY,
    CHANNEL,
    INSTALLED_CHANNEL,
    LINK,
    MANAGED_AGENT,
    OWN_CHANNEL,
    TENANT,
    token,
)
from neo_routing_adapters.sql.look_up.sorts import Sort, of_sort


def statement_for(wanted: int, keys: Carrier) -> CompoundSelect[Any]:
    """Return the statement that looks for rows by these keys, which its carrier brings."""
    return union_all(*_parts(wanted, keys))


def _parts(wanted: int, keys: Carrier) -> Iterator[Query]:
    text: ColumnElement[str] = literal_column(f"'{MARKED}'")
    marker = select(text.label("name"), keys.whole.label("white_label"), *keys.given(wanted))
    if keys.together:
        yield of_sort(Sort.MARKER, marker, first=True)
        yield of_sort(Sort.TENANT, keys.rows(keys.keys(TENANT), queries.tenant))
    else:
        yield of_sort(Sort.TENANT, queries.with_tenant_if_any(marker, *keys.keys(TENANT)), first=True)
    if wanted & BY_AGENT:
        yield of_sort(Sort.AGENT, keys.rows(keys.keys(AGENT), queries.agent))
    if wanted & BY_MANAGED_KEY:
        yield of_sort(Sort.AGENT, keys.rows(keys.keys(MANAGED_AGENT), partial(queries.managed_agent, keys)))
    if wanted & BY_BOT:
        channels_found = union_all(*_channels_found(wanted, keys))
        yield from keys.with_following(channels_found, partial(_channel_and_following, wanted, keys))
        if keys.together and wanted & BY_M365_TENANT:
            yield of_sort(Sort.LINK, keys.rows(keys.keys(LINK), partial(queries.link, keys)))
        yield of_sort(Sort.BOT, queries.known_bot(keys))
    if keys.together:  # whose answer may come in several parts, of which the last may be lost
        yield of_sort(Sort.MARKER, select(token()))


def _channels_found(wanted: int, keys: Carrier) -> Iterator[Query]:
    if not wanted & BY_M365_TENANT:
        yield keys.rows(keys.keys(OWN_CHANNEL), partial(queries.own_channel, keys))
    elif keys.together:  # an own one comes once, however many M365 tenants are asked about, and perhaps once more below
        nothing = null().label("asked_for"), null().label("m365")
        yield keys.rows(keys.keys(OWN_CHANNEL), lambda *own: queries.own_channel(keys, *own).add_columns(*nothing))
        yield keys.rows(keys.keys(INSTALLED_CHANNEL), partial(queries.installed_channel, keys))
    else:
        for build in (queries.own_channel_perhaps_installed, queries.installed_channel_of_another):
            yield keys.rows(keys.keys(CHANNEL), partial(build, keys))


def _channel_and_following(wanted: int, keys: Carrier, channel: FromClause, look_up: LookUp) -> Iterator[Query]:
    yield of_sort(Sort.CHANNEL, select(channel), first=True)
    yield of_sort(Sort.AGENT, look_up([channel.c.agent_id], queries.agent))
    if wanted & BY_M365_TENANT:
        yield of_sort(Sort.LINK, look_up([channel.c.tenant_id, channel.c.asked_for], partial(queries.link, keys)))
