"""Who arrives where: every class of calls whose session goes somewhere, or that is about a bot or an M365 tenant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from attrs import frozen

from neo_routing.analysis.analysed import Analysed, Directory, analysed
from neo_routing.analysis.classes import classes_of
from neo_routing.analysis.destination import Destination, classes_to
from neo_routing.analysis.layers import active_channels, installations, is_installed, paused_channels
from neo_routing.analysis.partition import sort_of_bot
from neo_routing.analysis.representatives import asked
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import without_channel
from neo_routing.analysis.which import Which
from neo_routing.caller import Caller
from neo_routing.content import HeldRows
from neo_routing.decide import decide
from neo_routing.decision import Decision
from neo_routing.plain_data.calls import decision_data
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows


@frozen(kw_only=True)
class Arrival:
    """A class of calls, one call of it that is about what was asked, and what that is told."""

    request_class: RequestClass
    caller: Caller
    request: SessionRequest

    @property
    def decision(self) -> Decision:
        """What the call is told: where its session goes and in which scope, or why not."""
        return decide(self.caller, self.request, HeldRows(self.request_class.directory.rows))

    def data(self) -> dict[str, Any]:
        """Return the arrival as plain data, made anew."""
        return {"request_class": self.request_class.data(), "decision": decision_data(self.decision)}


def reach(
    directory: Directory,
    *,
    agent_id: int | None = None,
    end_company_id: str | None = None,
    tenant_id: str | None = None,
    channel_id: str | None = None,
    bot_id: str | None = None,
    m365_tenant_id: str | None = None,
) -> Iterator[Arrival]:
    """Yield every class of calls whose session goes to all that is given, as the acting tenant's; none is left out.

    Bot and M365 tenant are those of the call, in normal form: with one of them, only the platform's calls count that
    can have it; and if nothing else is given, every answer that these can get, refusals too. Raises `ValueError` for a
    slice of a directory, and if nothing is given.

    >>> from neo_routing import Agent, AgentKind, Tenant, content_of
    >>> agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)
    >>> directory = content_of(tenants=[Tenant(id="msp-a")], agents=[agent])
    >>> [each.request_class.words for each in reach(directory, agent_id=12)]
    ['users and service accounts of msp-a, agent 12']
    >>> [*reach(directory, channel_id="ch-1")]
    []
    """
    whole = analysed(directory)
    destination = Destination(
        agent_id=agent_id, end_company_id=end_company_id, tenant_id=tenant_id, channel_id=channel_id
    )
    if not destination.is_anywhere:
        arrivals = _about(classes_to(destination, whole), bot_id, m365_tenant_id, whole.rows)
        return (each for each in arrivals if destination.has(each.decision.target))
    if bot_id is not None:
        return _about(_with_bot(bot_id, whole), bot_id, m365_tenant_id, whole.rows)
    if m365_tenant_id is None:
        raise ValueError("reach needs to be told where, or about which bot or M365 tenant")
    return _about(classes_of(whole), None, m365_tenant_id, whole.rows)


def _about(
    classes: Iterable[RequestClass], bot_id: str | None, m365_tenant_id: str | None, rows: Rows
) -> Iterator[Arrival]:
    """Yield those of the classes that have a call about the bot and the M365 tenant, with such a call."""
    others = _white_label_bots_without(m365_tenant_id, rows) if bot_id is None and m365_tenant_id is not None else []
    for each in classes:
        if each.calls.m365_tenant is Which.ABSENT and m365_tenant_id is not None:
            continue
        caller, request = each.caller, each.request
        if _is_about(request, bot_id, m365_tenant_id):
            yield Arrival(request_class=each, caller=caller, request=request)
        elif each.calls.is_of_platform:
            bots = [bot_id or request.bot_id, *(others if each.calls.bot is Which.WHITE_LABEL else ())]
            asking = (asked(request.client_id, bot, m365_tenant_id or request.m365_tenant_id) for bot in bots)
            about = next((found for found in asking if each.holds(caller, found)), None)
            if about is not None:
                yield Arrival(request_class=each, caller=caller, request=about)


def _white_label_bots_without(m365_tenant_id: str, rows: Rows) -> list[str]:
    """Return those that are not installed for it: of any white-label bot, a class may have an example that is."""
    return [each for each in rows.white_label_bots if not is_installed(each, m365_tenant_id, rows)]


def _is_about(request: SessionRequest, bot_id: str | None, m365_tenant_id: str | None) -> bool:
    return bot_id in (None, request.bot_id) and m365_tenant_id in (None, request.m365_tenant_id)


def _with_bot(bot_id: str, directory: Analysed) -> Iterator[RequestClass]:
    """Yield every class that has a call with the bot."""
    rows = directory.rows
    for calls in chain(installations(rows), active_channels(rows), paused_channels(rows)):
        if calls.bot_id == bot_id:
            yield RequestClass(calls, directory)
    sort = sort_of_bot(bot_id, rows)
    for tenant_id in chain(rows.tenants, [None]):
        if (tenant_id, bot_id) not in rows.active_channels and (tenant_id, bot_id) not in rows.disconnected_channels:
            for m365_tenant in (Which.ABSENT, Which.OTHER):
                yield RequestClass(without_channel(tenant_id, sort, m365_tenant), directory, bot_id)
