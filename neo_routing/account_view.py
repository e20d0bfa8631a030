"""A call as one account sees it: which of its own rows such a call is about."""

from __future__ import annotations

from neo_routing.caller import Caller
from neo_routing.directory import ChannelStatus
from neo_routing.near_rows import OwnedEndCompany, companies_linked_to, traced_channels
from neo_routing.needed import needed_for
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows
from neo_routing.trace import TracedAgent, TracedChannel, traced_agent


class AccountView:
    """A call, and the rows that one tenant owns: `rows_of_tenant` has cut them out."""

    def __init__(self, caller: Caller, request: SessionRequest, tenant_id: str, rows: Rows) -> None:
        target_tenant_id, _, self._key, self._bot_id, self.m365_tenant_id = needed_for(caller, request)
        self.tenant_id, self.rows = tenant_id, rows
        self.is_target = tenant_id == target_tenant_id

    def installed(self, status: ChannelStatus) -> tuple[TracedChannel, ...]:
        """Return its white-label channels of this status that are installed where the call comes from."""
        if self._bot_id is None or self.m365_tenant_id is None:
            return ()
        is_active, rows = status is ChannelStatus.ACTIVE, self.rows
        installations = rows.active_installations if is_active else rows.disconnected_installations
        return traced_channels([(status, installations.get((self._bot_id, self.m365_tenant_id), ()))])

    def own_active(self) -> tuple[TracedChannel, ...]:
        """Return its active channels with the bot, if the call is for this account."""
        if self._bot_id is None or not self.is_target:
            return ()
        return traced_channels(
            [(ChannelStatus.ACTIVE, self.rows.active_channels.get((self.tenant_id, self._bot_id), ()))]
        )

    def may_hold_it(self) -> tuple[TracedChannel, ...]:
        """Return the channels that a session of such a call could be on."""
        return tuple(sorted({*self.installed(ChannelStatus.ACTIVE), *self.own_active()}))

    def white_label(self) -> tuple[TracedChannel, ...]:
        """Return those of them whose sessions belong to one end-company."""
        return tuple([each for each in self.may_hold_it() if each.white_label])

    def linked(self) -> tuple[OwnedEndCompany, ...]:
        """Return its end-companies that are linked to where the call comes from."""
        return () if self.m365_tenant_id is None else companies_linked_to(self.m365_tenant_id, self.rows)

    def carriers(self) -> tuple[TracedAgent, ...]:
        """Return its agents with the managed key of the call, if that is for this account."""
        if self._key is None or not self.is_target:
            return ()
        own = self.rows.managed_agents[self._key].get(self.tenant_id, ())
        return tuple([traced_agent(each, self.rows) for each in sorted(own)])
