"""Channels that move from one MSP to another, with the link that goes with them: what shows a torn read.

In each slot there are a bot, an M365 tenant and a white-label channel that is installed there. In state 0 the channel
is MSP a's, with a's agent, and the M365 tenant is linked to a's company; in state 1 all that is b's. A move changes it
all in one transaction. So only two answers are right for a slot. Whoever reads a channel of one state and a link or an
agent of the other finds no company, or an agent of somebody else, and refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from returns.result import Result, Success
from sqlalchemy import Connection, Engine, bindparam, delete, insert

from neo_routing import (
    AgentKind,
    Caller,
    CallerKind,
    ChannelStatus,
    Outcome,
    Refusal,
    SessionRequest,
    SessionTarget,
)
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, metadata, tenants

OWNERS: Final = ("msp-a", "msp-b")
AGENT_IDS: Final = (1, 2)
COMPANY_IDS: Final = ("company-a", "company-b")
_PLATFORM: Final = Caller(CallerKind.PLATFORM, "platform")

_CLEARANCES: Final = (
    delete(installations).where(installations.c.channel_id == bindparam("channel")),
    delete(channels).where(channels.c.id == bindparam("channel")),
    delete(links).where(links.c.m365_tenant_id == bindparam("m365_tenant")),
)


def load(engine: Engine, slots: int) -> None:
    """Make the tables of an empty database, and so many slots, all in state 0."""
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(tenants), [{"id": each, "name": each} for each in (_PLATFORM.tenant_id, *OWNERS)])
        connection.execute(insert(agents), [*map(_agent, AGENT_IDS, OWNERS)])
        connection.execute(insert(end_companies), [*map(_end_company, COMPANY_IDS, OWNERS)])
        _place(connection, range(slots), 0)


def move(connection: Connection, slot: int, state: int) -> None:
    """Bring a slot into a state, in the transaction that the connection is in. No two may move one slot at a time."""
    keys = {"channel": _channel_id(slot), "m365_tenant": _m365_tenant_id(slot)}
    for clearance in _CLEARANCES:
        connection.execute(clearance, keys)
    _place(connection, [slot], state)


def case(slot: int) -> tuple[Caller, SessionRequest]:
    """Return the call whose answer tells which state a slot is in."""
    bot_id, m365_tenant_id = _bot_id(slot), _m365_tenant_id(slot)
    request = SessionRequest(managed_agent_key="NEO_SUPPORT", bot_id=bot_id, m365_tenant_id=m365_tenant_id)
    return _PLATFORM, request


def answer(slot: int, state: int) -> Result[SessionTarget, Refusal]:
    """Return the one right answer of a slot in a state."""
    return Success(
        SessionTarget(
            outcome=Outcome.WHITE_LABEL_CHANNEL,
            tenant_id=OWNERS[state],
            agent_id=AGENT_IDS[state],
            channel_id=_channel_id(slot),
            end_company_id=COMPANY_IDS[state],
        )
    )


def answers(slot: int) -> set[Result[SessionTarget, Refusal]]:
    """Return the two answers that are right for a slot while it moves."""
    return {answer(slot, 0), answer(slot, 1)}


def _bot_id(slot: int) -> str:
    return f"bot-{slot}"


def _m365_tenant_id(slot: int) -> str:
    return f"m365-{slot}"


def _channel_id(slot: int) -> str:
    return f"channel-{slot}"


def _agent(agent_id: int, owner: str) -> dict[str, Any]:
    kind = str(AgentKind.CONVERSATIONAL)
    return {"id": agent_id, "tenant_id": owner, "name": f"agent of {owner}", "kind": kind, "managed_key": None}


def _end_company(company_id: str, owner: str) -> dict[str, Any]:
    return {"id": company_id, "tenant_id": owner, "name": f"client of {owner}"}


def _place(connection: Connection, slots: Sequence[int], state: int) -> None:
    connection.execute(insert(channels), [_channel(slot, state) for slot in slots])
    connection.execute(insert(installations), [_installation(slot) for slot in slots])
    connection.execute(insert(links), [_link(slot, state) for slot in slots])


def _channel(slot: int, state: int) -> dict[str, Any]:
    return {
        "id": _channel_id(slot),
        "tenant_id": OWNERS[state],
        "agent_id": AGENT_IDS[state],
        "show_agent_progress_steps": None,
        **_copied(slot),
    }


def _installation(slot: int) -> dict[str, Any]:
    return {"channel_id": _channel_id(slot), "m365_tenant_id": _m365_tenant_id(slot), **_copied(slot)}


def _copied(slot: int) -> dict[str, Any]:
    return {"bot_id": _bot_id(slot), "status": str(ChannelStatus.ACTIVE), "white_label": True}


def _link(slot: int, state: int) -> dict[str, Any]:
    company_id, m365_tenant_id, owner = COMPANY_IDS[state], _m365_tenant_id(slot), OWNERS[state]
    return {"end_company_id": company_id, "m365_tenant_id": m365_tenant_id, "tenant_id": owner}
