"""A large world, and a stream of calls on it that meets all 18 outcomes equally often."""

from __future__ import annotations

from collections.abc import Iterator

from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, ManagedAgentKey, Tenant

STREETS = 16
"""Tenant number n is of sort n % 16; each sort is made for one or two outcomes."""

_CHANNELS = {
    0: [{}],
    1: [{"white_label": False}],
    2: [{}],
    3: [{"status": ChannelStatus.DISCONNECTED}],
    4: [{}, {}],
    5: [{"agent": 4}],
    6: [{}],
}


def guid(n: int, salt: int) -> str:
    digits = f"{(n * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) % 2**128:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def tenant_id(n: int) -> str:
    return f"msp-{n:07d}"


def bot_id(n: int) -> str:
    """A white-label bot is shared by a thousand tenants, a standard one by none."""
    return guid(n, 1) if n % STREETS == 1 else guid(n // 1000, 2)


def m365_tenant_id(n: int) -> str:
    return guid(n, 3)


def tenants(size: int) -> Iterator[Tenant]:
    return (Tenant(id=tenant_id(n)) for n in range(size))


def agents(size: int) -> Iterator[Agent]:
    for n in range(size):
        for door in range(1, 5):
            kind = AgentKind.TRIGGERED if door == 4 or (door == 1 and n % STREETS == 7) else AgentKind.CONVERSATIONAL
            managed_key = ManagedAgentKey.NEO_SUPPORT if door == 1 and n % STREETS != 8 else None
            yield Agent(id=4 * n + door, tenant_id=tenant_id(n), kind=kind, managed_key=managed_key)


def channels(size: int) -> Iterator[Channel]:
    for n in range(size):
        for m, one in enumerate(_CHANNELS.get(n % STREETS, ())):
            yield Channel(
                id=f"channel-{n:07d}-{m}",
                tenant_id=tenant_id(n),
                agent_id=4 * n + one.get("agent", 2),
                bot_id=bot_id(n),
                status=one.get("status", ChannelStatus.ACTIVE),
                white_label=one.get("white_label", True),
                installed_m365_tenant_ids=[m365_tenant_id(n)] if one.get("white_label", True) else [],
            )


def end_companies(size: int) -> Iterator[EndCompany]:
    for n in range(size):
        linked = n + size if n % STREETS == 2 else n
        yield EndCompany(id=f"company-{n:07d}", tenant_id=tenant_id(n), m365_tenant_ids=[m365_tenant_id(linked)])


PLATFORM, USER = ("platform", "platform"), "user"


def calls(size: int, count: int):
    """(kind, home tenant, raw request) for the 18 outcomes in turn, all strings fresh."""
    key = "NEO_SUPPORT"
    step = 7919
    for i in range(count):
        n = (i * step % (size // STREETS)) * STREETS
        sort = i % 18
        def plat(m, **more):
            return ("platform", "platform-home", {"managed_agent_key": key, "client_id": tenant_id(m), **more})
        def user(m, **more):
            return ("user", tenant_id(m), more)
        def on_bot(m):
            return plat(m, bot_id=bot_id(m), inbound_tenant_id=m365_tenant_id(m))
        yield {
            0: lambda: user(n, agent_id=4 * n + 2),
            1: lambda: plat(n),
            2: lambda: on_bot(n),
            3: lambda: on_bot(n + 1),
            4: lambda: plat(n + 9, bot_id=guid(n, 9), inbound_tenant_id=m365_tenant_id(n)),
            5: lambda: plat(n, bot_id=" "),
            6: lambda: user(n),
            7: lambda: user(n, agent_id=4 * n + 4),
            8: lambda: user(n, client_id=tenant_id(n), agent_id=4 * n + 2),
            9: lambda: plat(n, agent_id=4 * n + 2) if 0 else ("platform", "platform-home", {"agent_id": 4 * n + 2, "client_id": tenant_id(n)}),
            10: lambda: user(n, agent_id=4 * n + 6),
            11: lambda: plat(n + 8),
            12: lambda: plat(n, client_id=f"none-{n}"),
            13: lambda: on_bot(n + 2),
            14: lambda: on_bot(n + 3),
            15: lambda: on_bot(n + 4),
            16: lambda: on_bot(n + 5),
            17: lambda: plat(n + 7),
        }[sort]()
