"""Ids that stand nowhere in the directories at hand: what "any other" is, where a call has to say one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, count
from operator import itemgetter
from typing import Final

from attrs import frozen

from neo_routing.rows import Rows

NO_AGENT_ID: Final = 0
"""An agent's id that a request may have, and no directory: those of agents begin with 1."""

_TENANT_ID: Final = "any-other-tenant"
_BOT_ID: Final = "any-other-bot"
_M365_TENANT_ID: Final = "any-other.example"


@frozen(kw_only=True)
class Nowhere:
    """Ids in normal form that are in no row of a directory, each of which section 3 of the rules lets pass."""

    tenant_id: str
    bot_id: str
    m365_tenant_id: str


def nowhere_in(*directories: Rows) -> Nowhere:
    """Return ids that stand in none of these whole directories.

    >>> from neo_routing import Tenant, content_of
    >>> nowhere_in(content_of(tenants=[Tenant(id="any-other-tenant")])).tenant_id
    'any-other-tenant-1'
    """
    return Nowhere(
        tenant_id=_new(_TENANT_ID, lambda each: any(each in rows.tenants for rows in directories)),
        bot_id=_new(_BOT_ID, lambda each: any(each in rows.known_bots for rows in directories)),
        m365_tenant_id=_new(_M365_TENANT_ID, _m365_tenant_ids_like_it(directories).__contains__),
    )


def _new(prefix: str, is_taken: Callable[[str], bool]) -> str:
    return next(each for each in chain([prefix], (f"{prefix}-{number}" for number in count(1))) if not is_taken(each))


def _m365_tenant_ids_like_it(directories: Iterable[Rows]) -> frozenset[str]:
    return frozenset(
        m365_tenant_id
        for rows in directories
        for groups in (rows.active_installations, rows.disconnected_installations, rows.end_companies)
        for m365_tenant_id in map(itemgetter(1), groups)
        if m365_tenant_id.startswith(_M365_TENANT_ID)
    )
