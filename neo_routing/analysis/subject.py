"""What a finding of an audit is about, why, and how much it matters: closed sets, and the ids."""

from __future__ import annotations

from typing import Any, NamedTuple

from neo_routing.names import Name


class Severity(Name):
    """How much a finding matters."""

    ERROR = "error"
    """Calls are refused, and somebody has to mend the directory."""
    NOTICE = "notice"
    """Nothing is refused, and somebody should look."""
    EXPECTED = "expected"
    """Calls are refused as they should be: a white-label channel knows its M365 tenants, and no others."""


class Suspicion(Name):
    """Why something is suspicious though nothing is refused."""

    INSTALLED_NOWHERE = "installed_nowhere"
    """A white-label bot that no channel is installed for anywhere."""
    INSTALLED_ON_STANDARD_CHANNEL = "installed_on_standard_channel"
    """A standard channel that has installations, which have no effect."""
    NOBODY_ARRIVES = "nobody_arrives"
    """An ACTIVE white-label channel that no call reaches."""
    LINKED_BY_SEVERAL_TENANTS = "linked_by_several_tenants"
    """An M365 tenant that several tenants link, and the same white-label bot in the hands of each."""
    PAUSED_AND_ACTIVE = "paused_and_active"
    """A bot and an M365 tenant for which one tenant's channel is paused, and another's active."""
    TENANT_IDS_ALIKE = "tenant_ids_alike"
    """Ids of tenants that are equal after NFKC and case folding."""
    NO_GUID = "no_guid"
    """An M365 tenant id that is no GUID, as Microsoft's are."""


class SubjectKind(Name):
    """What a finding is about."""

    INSTALLATION = "installation"
    """A tenant and an M365 tenant, with the bots that bring them together."""
    CHANNEL = "channel"
    """A channel, or channels that clash."""
    TENANT = "tenant"
    """A tenant, or tenants whose ids are alike."""
    BOT = "bot"
    """A bot, with the channels that have it."""
    M365_TENANT = "m365_tenant"
    """An M365 tenant, with the tenants that know it."""


# Named tuples, as findings are: an audit may make millions, and frozen classes take twice the time.
class Subject(NamedTuple):
    """What a finding is about. Findings of one subject, clause and reason are one matter to whoever mends it."""

    kind: SubjectKind
    tenant_ids: tuple[str, ...] = ()
    """The owners of what it is about."""
    m365_tenant_ids: tuple[str, ...] = ()
    bot_ids: tuple[str, ...] = ()
    channel_ids: tuple[str, ...] = ()
    agent_ids: tuple[int, ...] = ()
    end_company_ids: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the subject as plain data, made anew."""
        return {
            "kind": str(self.kind),
            "tenant_ids": [*self.tenant_ids],
            "m365_tenant_ids": [*self.m365_tenant_ids],
            "bot_ids": [*self.bot_ids],
            "channel_ids": [*self.channel_ids],
            "agent_ids": [*self.agent_ids],
            "end_company_ids": [*self.end_company_ids],
        }
