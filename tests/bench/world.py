"""A directory of any size, and a stream of calls on it that meets all 18 outcomes equally often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    Rows,
    RowsBuilder,
    RowsNeeded,
    Tenant,
)

SORTS = 16
"""Tenants are of 16 sorts in turn: each of the first nine stands for what can be right or wrong with one."""

(ROUTED, STANDARD, NO_LINK, PAUSED, AMBIGUOUS, BAD_CHANNEL_AGENT, SPARE, BAD_SUPPORT, NO_SUPPORT, NO_CHANNEL) = range(
    10
)

_CHANNELS: dict[int, int] = {
    ROUTED: 1,
    STANDARD: 1,
    NO_LINK: 1,
    PAUSED: 1,
    AMBIGUOUS: 2,
    BAD_CHANNEL_AGENT: 1,
    SPARE: 1,
}
"""How many channels a tenant of each sort has: half a channel a tenant, all sorts taken together."""


class Asked:
    """A directory that notes what it is asked for, and finds nothing."""

    def __init__(self) -> None:
        self.needed: list[RowsNeeded] = []

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.needed += needed
        return RowsBuilder().rows()


Call = tuple[Caller, dict[str, Any]]


def tenant_id(number: int) -> str:
    return f"msp-{number:07d}"


def guid(number: int, salt: int) -> str:
    digits = f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + salt * 0xD1B54A32D192ED03) % 2**128:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def bot_id(number: int) -> str:
    """A thousand tenants share a white-label bot; a standard channel has a bot of its own."""
    return guid(number, 1) if number % SORTS == STANDARD else guid(number // 1000, 2)


def m365_tenant_id(number: int) -> str:
    return guid(number, 3)


def agent_id(number: int, which: int) -> int:
    """Of a tenant's four agents the first is Neo Support and the last is triggered."""
    return 4 * number + which


def tenants(size: int) -> Iterator[Tenant]:
    return (Tenant(id=tenant_id(number)) for number in range(size))


def agents(size: int) -> Iterator[Agent]:
    for number in range(size):
        sort = number % SORTS
        for which in range(1, 5):
            triggered = which == 4 or (which == 1 and sort == BAD_SUPPORT)
            yield Agent(
                id=agent_id(number, which),
                tenant_id=tenant_id(number),
                kind=AgentKind.TRIGGERED if triggered else AgentKind.CONVERSATIONAL,
                managed_key=ManagedAgentKey.NEO_SUPPORT if which == 1 and sort != NO_SUPPORT else None,
            )


def channels(size: int) -> Iterator[Channel]:
    for number in range(size):
        sort = number % SORTS
        for which in range(_CHANNELS.get(sort, 0)):
            yield Channel(
                id=f"channel-{number:07d}-{which}",
                tenant_id=tenant_id(number),
                agent_id=agent_id(number, 4 if sort == BAD_CHANNEL_AGENT else 2),
                bot_id=bot_id(number),
                status=ChannelStatus.DISCONNECTED if sort == PAUSED else ChannelStatus.ACTIVE,
                white_label=sort != STANDARD,
                installed_m365_tenant_ids=frozenset([m365_tenant_id(number)] if sort != STANDARD else []),
            )


def end_companies(size: int) -> Iterator[EndCompany]:
    for number in range(size):
        linked = m365_tenant_id(number + size if number % SORTS == NO_LINK else number)
        yield EndCompany(id=f"company-{number:07d}", tenant_id=tenant_id(number), m365_tenant_ids=frozenset([linked]))


def _own(number: int, **body: Any) -> Call:
    return Caller(CallerKind.USER, tenant_id(number)), body


def _platform(number: int, **body: Any) -> Call:
    body = {"managed_agent_key": "NEO_SUPPORT", "client_id": tenant_id(number), **body}
    return Caller(CallerKind.PLATFORM, "platform"), body


def _message(number: int) -> Call:
    return _platform(number, bot_id=bot_id(number), inbound_tenant_id=m365_tenant_id(number))


# Each takes the number of a tenant of sort 0; the tenants of the other sorts follow it.
_CALLS: dict[str, Callable[[int], Call]] = {
    "own_tenant": lambda n: _own(n, agent_id=agent_id(n, 2)),
    "platform_override": _platform,
    "white_label_channel": lambda n: _message(n + ROUTED),
    "active_channel": lambda n: _message(n + STANDARD),
    "neo_support_fallback": lambda n: _platform(n + NO_CHANNEL, bot_id=guid(n, 4), inbound_tenant_id=m365_tenant_id(n)),
    "validation_error": lambda n: _platform(n, bot_id=" "),
    "agent_selector_invalid": _own,
    "agent_not_conversational": lambda n: _own(n, agent_id=agent_id(n, 4)),
    "client_id_forbidden": lambda n: _own(n, agent_id=agent_id(n, 2), client_id=tenant_id(n)),
    "agent_id_forbidden": lambda n: _platform(n, agent_id=agent_id(n, 2), managed_agent_key=None),
    "agent_not_found": lambda n: _own(n, agent_id=agent_id(n + 1, 2)),
    "managed_agent_not_found": lambda n: _platform(n + NO_SUPPORT),
    "tenant_not_found": lambda n: _platform(n, client_id=f"gone-{n:07d}"),
    "end_company_not_mapped": lambda n: _message(n + NO_LINK),
    "channel_not_active": lambda n: _message(n + PAUSED),
    "channel_ambiguous": lambda n: _message(n + AMBIGUOUS),
    "channel_agent_unavailable": lambda n: _message(n + BAD_CHANNEL_AGENT),
    "managed_agent_unavailable": lambda n: _platform(n + BAD_SUPPORT),
}
REFUSED_BY_SHAPE = {"validation_error", "agent_selector_invalid", "client_id_forbidden", "agent_id_forbidden"}


def calls(size: int, count: int) -> Iterator[tuple[str, Call]]:
    """Yield so many calls, each with the name of its outcome; every text in them is a new object."""
    names = list(_CALLS)
    for turn in range(count):
        block = turn * 7919 % (size // SORTS)
        name = names[turn % len(names)]
        yield name, _CALLS[name](block * SORTS)
