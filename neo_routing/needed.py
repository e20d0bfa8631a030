"""Which rows a decision can look at: what it asks a directory for, all at once."""

from __future__ import annotations

from typing import Final, TypeAlias

from neo_routing.caller import Caller
from neo_routing.directory import ManagedAgentKey
from neo_routing.request import SessionRequest

RowsNeeded: TypeAlias = tuple[str, int | None, ManagedAgentKey | None, str | None, str | None]
"""Which rows one decision can look at: tenant id, agent id, managed agent key, bot id, M365 tenant id.

Whoever gets one takes it apart under these names. It is a plain tuple because every decision makes one: to make a named
one takes half as long as to decide without a library.

Bot id and M365 tenant id are in normal form, the agent id may be any integer at all, and where one is `None` nothing
is looked for by it. Needed are:

1. the tenant itself, if it is there;
2. its agents that carry the key;
3. the agent with the id, whoever owns it;
4. the tenant's own channels with the bot, of any kind and status;
5. the white-label channels of any owner and status with the bot that are installed for the M365 tenant;
6. for every channel of 4 and 5: the agent that it names, whoever owns that;
7. for the owner of every channel of 4 and 5: the end-companies that it has linked to the M365 tenant;
8. whether any white-label channel has the bot, of any owner and status;
9. whether any channel at all has the bot, of any owner, sort and status.
"""


def needed_for(caller: Caller, request: SessionRequest) -> RowsNeeded:
    """Plan the look-up of a request that was admitted: for the platform on behalf of its target tenant."""
    if not caller.is_platform:
        return caller.tenant_id, request.agent_id, request.managed_agent_key, None, None
    bot_id, client_id = request.bot_id, request.client_id
    target_tenant_id = caller.tenant_id if client_id is None else client_id
    return target_tenant_id, None, _NEO_SUPPORT, bot_id, None if bot_id is None else request.m365_tenant_id


# Reading a member off its enumeration costs as much as a look-up.
_NEO_SUPPORT: Final = ManagedAgentKey.NEO_SUPPORT
