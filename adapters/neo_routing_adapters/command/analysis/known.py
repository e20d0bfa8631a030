"""What the directory lacks of the ids that were given: whoever misspells one must not take that for an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from neo_routing import Rows
from neo_routing_adapters.phrases import exactly


def missing_rows(given: Mapping[str, Any], rows: Rows) -> Iterator[str]:
    """Yield a line for each id that stands nowhere in the directory; what is `None` was not given."""
    for name, (words, is_known) in _LOOKS.items():
        value = given.get(name)
        if value is not None and not is_known(value, rows):
            yield f"the directory has no {words} {exactly(str(value))}"


def knows_m365_tenant(m365_tenant_id: str, tenant_id: str | None, rows: Rows) -> bool:
    """Tell whether a channel is installed for it or a company linked to it, of this tenant if one is given."""
    owners = chain(
        (owner_id for (owner_id, each) in rows.end_companies if each == m365_tenant_id),
        (
            owner_id
            for (_, each), channels in _installations(rows)
            if each == m365_tenant_id
            for _, owner_id, _, _, _ in channels
        ),
    )
    return any(tenant_id in (None, owner_id) for owner_id in owners)


def _installations(rows: Rows) -> Iterable[tuple[tuple[str, str], Any]]:
    return chain(rows.active_installations.items(), rows.disconnected_installations.items())


def _has_agent(agent_id: int, rows: Rows) -> bool:
    return agent_id in rows.conversational_agents or agent_id in rows.triggered_agents


def _has_company(end_company_id: str, rows: Rows) -> bool:
    linked = chain.from_iterable(rows.end_companies.values())
    return end_company_id in rows.unlinked_end_companies or any(each == end_company_id for each in linked)


def _has_channel(channel_id: str, rows: Rows) -> bool:
    groups = chain(rows.active_channels.values(), rows.disconnected_channels.values())
    return any(each == channel_id for each, _, _, _, _ in chain.from_iterable(groups))


_LOOKS: Final[Mapping[str, tuple[str, Callable[[Any, Rows], bool]]]] = {
    "agent_id": ("agent", _has_agent),
    "end_company_id": ("end-company", _has_company),
    "tenant_id": ("tenant", lambda tenant_id, rows: tenant_id in rows.tenants),
    "channel_id": ("channel", _has_channel),
    "bot_id": ("bot", lambda bot_id, rows: bot_id in rows.known_bots),
    "m365_tenant_id": ("M365 tenant", lambda m365_tenant_id, rows: knows_m365_tenant(m365_tenant_id, None, rows)),
}
