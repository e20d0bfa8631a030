"""Single changes to a directory, as data; and the directory as it is with one of them made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, count
from typing import Any, Final

from attrs import asdict, evolve, frozen

from neo_routing.directory import ChannelStatus
from neo_routing.names import Name
from neo_routing.rows import ChannelRow, Rows


class Action(Name):
    """What is done."""

    LINK = "link"
    """The tenant links the M365 tenant to an end-company of its choice."""
    UNLINK = "unlink"
    """The tenant takes the link from the end-company to the M365 tenant away."""
    CONNECT = "connect"
    """The channel becomes ACTIVE."""
    DISCONNECT = "disconnect"
    """The channel becomes DISCONNECTED."""
    UNINSTALL = "uninstall"
    """The channel is no longer installed for the M365 tenant."""
    SET_AGENT = "set_agent"
    """The channel gets another agent."""


@frozen(kw_only=True)
class Amendment:
    """A single change to a directory, by whoever administers the tenant."""

    action: Action
    tenant_id: str
    m365_tenant_id: str | None = None
    end_company_id: str | None = None
    bot_id: str | None = None
    channel_id: str | None = None
    agent_id: int | None = None

    def data(self) -> dict[str, Any]:
        """Return the amendment as plain data, made anew; an end-company that is open is `null`."""
        return asdict(self) | {"action": str(self.action)}


def amended(rows: Rows, amendment: Amendment) -> Rows:
    """Return a directory with this change made; an end-company that is left open is a new one.

    >>> from neo_routing import Tenant, content_of
    >>> link = Amendment(action=Action.LINK, tenant_id="msp-a", m365_tenant_id="contoso.example")
    >>> [each.id for each in amended(content_of(tenants=[Tenant(id="msp-a")]), link)]
    ['msp-a', 'new-company']
    """
    return _AMENDING[amendment.action](rows, amendment)


def _linked(rows: Rows, link: Amendment) -> Rows:
    assert link.m365_tenant_id is not None, "a link has it"
    key = (link.tenant_id, link.m365_tenant_id)
    company_id = link.end_company_id or _new_company_id(rows)
    unlinked = {each: owner for each, owner in rows.unlinked_end_companies.items() if each != company_id}
    links = dict(rows.end_companies)
    _put(links, key, company_id)
    return evolve(rows, end_companies=links, unlinked_end_companies=unlinked)


def _new_company_id(rows: Rows) -> str:
    known = {each for each in chain(*rows.end_companies.values(), rows.unlinked_end_companies) if each.startswith(_NEW)}
    return next(each for each in chain([_NEW], (f"{_NEW}-{number}" for number in count(1))) if each not in known)


_NEW: Final = "new-company"


def _unlinked(rows: Rows, link: Amendment) -> Rows:
    assert link.m365_tenant_id is not None, "a link has it"
    assert link.end_company_id is not None, "likewise"
    links = dict(rows.end_companies)
    _take(links, (link.tenant_id, link.m365_tenant_id), link.end_company_id)
    unlinked = rows.unlinked_end_companies
    if not any(link.end_company_id in group for group in links.values()):
        unlinked = {**unlinked, link.end_company_id: link.tenant_id}
    return evolve(rows, end_companies=links, unlinked_end_companies=unlinked)


@frozen(kw_only=True)
class _Held:
    """A channel as it stands in the rows."""

    status: ChannelStatus
    bot_id: str
    row: ChannelRow
    installed: tuple[str, ...]


_PLACES: Final = {
    ChannelStatus.ACTIVE: ("active_channels", "active_installations"),
    ChannelStatus.DISCONNECTED: ("disconnected_channels", "disconnected_installations"),
}


def _held(rows: Rows, change: Amendment) -> _Held:
    for status, (channels, installations) in _PLACES.items():
        for row in getattr(rows, channels).get((change.tenant_id, change.bot_id), ()):
            channel_id, *_ = row
            if channel_id == change.channel_id:
                groups = getattr(rows, installations).items()
                installed = tuple(
                    [each for (bot_id, each), group in groups if bot_id == change.bot_id and row in group]
                )
                return _Held(status=status, bot_id=change.bot_id or "", row=row, installed=installed)
    raise ValueError("the directory does not have this channel")


def _replaced(rows: Rows, change: Amendment, **changed: Any) -> Rows:
    held = _held(rows, change)
    parts: dict[str, Any] = {name: dict(getattr(rows, name)) for names in _PLACES.values() for name in names}
    for one, put in ((held, _take), (evolve(held, **changed), _put)):
        channels, installations = _PLACES[one.status]
        _, owner_id, _, _, _ = one.row
        put(parts[channels], (owner_id, one.bot_id), one.row)
        for m365_tenant_id in one.installed:
            put(parts[installations], (one.bot_id, m365_tenant_id), one.row)
    return evolve(rows, **parts)


def _connected(rows: Rows, change: Amendment) -> Rows:
    return _replaced(rows, change, status=ChannelStatus.ACTIVE)


def _disconnected(rows: Rows, change: Amendment) -> Rows:
    return _replaced(rows, change, status=ChannelStatus.DISCONNECTED)


def _uninstalled(rows: Rows, change: Amendment) -> Rows:
    installed = [each for each in _held(rows, change).installed if each != change.m365_tenant_id]
    return _replaced(rows, change, installed=tuple(installed))


def _with_agent(rows: Rows, change: Amendment) -> Rows:
    channel_id, owner_id, _, white_label, show_steps = _held(rows, change).row
    return _replaced(rows, change, row=(channel_id, owner_id, change.agent_id, white_label, show_steps))


def _take(groups: dict[Any, tuple[Any, ...]], key: tuple[str, str], member: Any) -> None:
    left = tuple([each for each in groups.pop(key) if each != member])
    if left:
        groups[key] = left


def _put(groups: dict[Any, tuple[Any, ...]], key: tuple[str, str], member: Any) -> None:
    groups[key] = (*groups.get(key, ()), member)


_AMENDING: Final[Mapping[Action, Callable[[Rows, Amendment], Rows]]] = {
    Action.LINK: _linked,
    Action.UNLINK: _unlinked,
    Action.CONNECT: _connected,
    Action.DISCONNECT: _disconnected,
    Action.UNINSTALL: _uninstalled,
    Action.SET_AGENT: _with_agent,
}
