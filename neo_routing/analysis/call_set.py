"""Sets of calls that are alike, as data: which clause's rows part them from others, and which ids they have.

A call is a caller and a request that admission lets through. Its title, its unknown fields and what its caller has
ignored do not count. The calls of one set are told the same, each with its own ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from neo_routing.analysis.which import Layer, Which
from neo_routing.directory import ManagedAgentKey
from neo_routing.names import Name
from neo_routing.printable import printable


class CallSet(NamedTuple):
    """Calls that are alike. Of each id it says which there may be, and the id itself where that is `ONE`.

    >>> calls = CallSet(Layer.NO_BOT, Which.ONE, "msp-a", client_id=Which.GIVEN, m365_tenant=Which.ABSENT)
    >>> calls.words
    'the platform for msp-a, client_id given, without a bot, without an M365 tenant'
    >>> calls.data()["tenant_id"]
    'msp-a'
    """

    layer: Layer
    tenant: Which = Which.ANY
    """Of the platform's calls the target tenant, of all others the caller's home tenant."""
    tenant_id: str | None = None
    client_id: Which = Which.ANY
    bot: Which = Which.ABSENT
    bot_id: str | None = None
    m365_tenant: Which = Which.ANY
    m365_tenant_id: str | None = None
    agent: Which = Which.ABSENT
    agent_id: int | None = None
    managed_agent_key: ManagedAgentKey | None = None

    @property
    def is_of_platform(self) -> bool:
        """Whether the platform makes these calls."""
        return self.layer not in _OF_OTHERS

    @property
    def words(self) -> str:
        """The set in words, for an operator: it names ids."""
        told = _platform_words(self) if self.is_of_platform else _other_words(self)
        return ", ".join(each for each in told if each)

    def data(self) -> dict[str, Any]:
        """Return the set as plain data, made anew."""
        data: dict[str, Any] = {"caller": "platform" if self.is_of_platform else "other"}
        return data | {name: str(value) if isinstance(value, Name) else value for name, value in self._asdict().items()}


_OF_OTHERS: Final = frozenset([Layer.OWN_AGENT, Layer.OWN_MANAGED_AGENT])

_TENANTS: Final[Mapping[Which, str]] = {
    Which.ANY: "for any tenant",
    Which.ONE: "for {}",
    Which.UNKNOWN: "for a tenant that is not there",
}
_CLIENT_IDS: Final[Mapping[Which, str]] = {
    Which.ANY: "",
    Which.ABSENT: "client_id absent",
    Which.GIVEN: "client_id given",
    Which.OWNER_OR_ABSENT: "client_id the owner's or absent",
    Which.ANOTHER: "another client_id than the owner's",
}
_BOTS: Final[Mapping[Which, str]] = {
    Which.ABSENT: "without a bot",
    Which.ONE: "bot {}",
    Which.WHITE_LABEL: "any white-label bot that it has no channel with",
    Which.STANDARD: "any standard bot that it has no channel with",
    Which.UNKNOWN: "any bot that nobody has",
}
_M365_TENANTS: Final[Mapping[Which, str]] = {
    Which.ABSENT: "without an M365 tenant",
    Which.GIVEN: "any M365 tenant",
    Which.ONE: "M365 tenant {}",
    Which.OTHER: "any other M365 tenant",
}
_AGENTS: Final[Mapping[Which, str]] = {
    Which.ONE: "agent {}",
    Which.FOREIGN: "any agent of another tenant",
    Which.UNKNOWN: "any agent that is not there",
}


def _platform_words(calls: CallSet) -> tuple[str, ...]:
    return (
        f"the platform {_named(_TENANTS[calls.tenant], calls.tenant_id)}",
        _CLIENT_IDS[calls.client_id],
        _named(_BOTS[calls.bot], calls.bot_id),
        _named(_M365_TENANTS[calls.m365_tenant], calls.m365_tenant_id),
    )


def _other_words(calls: CallSet) -> tuple[str, ...]:
    home = _named("of {}" if calls.tenant is Which.ONE else "of a tenant that is not there", calls.tenant_id)
    if calls.managed_agent_key is not None:
        return f"users and service accounts {home}", f"managed agent {calls.managed_agent_key}"
    return f"users and service accounts {home}", _named(_AGENTS[calls.agent], calls.agent_id)


def _named(words: str, value: str | int | None) -> str:
    return words.format(printable(str(value)))
