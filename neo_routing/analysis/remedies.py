"""The remedies of a finding: what an administrator can do, where that does not lead to a wider agent.

Nothing is offered that turns a refusal into an unscoped session: to take the last installation or the last link away
would send end users to Neo Support. So what is offered ends on a white-label channel, whose sessions are scoped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from neo_routing.analysis.amendment import Action, Amendment
from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.remedy import Remedy
from neo_routing.analysis.subject import Subject
from neo_routing.clauses import Clause, Reason
from neo_routing.printable import printable
from neo_routing.rows import ChannelRow

_Offered = Iterator[tuple[str, tuple[Amendment, ...]]]


def remedies_of(subject: Subject, clause: Clause, reason: Reason, directory: Analysed) -> tuple[Remedy, ...]:
    """Return the remedies of what this clause refuses for this reason."""
    offered = _set_agent if clause is Clause.CHANNEL_AGENT else _OFFERING.get(reason)
    if offered is None:
        return ()
    return tuple(
        Remedy(sentence=printable(sentence), amendments=amendments, before=directory.rows)
        for sentence, amendments in offered(subject, directory)
    )


def _link(subject: Subject, _: Analysed) -> _Offered:
    [tenant_id], [m365_tenant_id] = subject.tenant_ids, subject.m365_tenant_ids
    sentence = f"Link M365 tenant {m365_tenant_id} to exactly one end-company of {tenant_id}."
    yield sentence, (Amendment(action=Action.LINK, tenant_id=tenant_id, m365_tenant_id=m365_tenant_id),)


def _keep_one_link(subject: Subject, directory: Analysed) -> _Offered:
    [tenant_id], [m365_tenant_id] = subject.tenant_ids, subject.m365_tenant_ids
    linked = sorted(directory.rows.end_companies[tenant_id, m365_tenant_id])
    for kept in linked:
        yield (
            f"Keep M365 tenant {m365_tenant_id} linked to end-company {kept} of {tenant_id} alone.",
            tuple(
                Amendment(action=Action.UNLINK, tenant_id=tenant_id, m365_tenant_id=m365_tenant_id, end_company_id=each)
                for each in linked
                if each != kept
            ),
        )


def _keep_one_installation(subject: Subject, directory: Analysed) -> _Offered:
    [bot_id], [m365_tenant_id] = subject.bot_ids, subject.m365_tenant_ids
    installed = sorted(directory.rows.active_installations[bot_id, m365_tenant_id])
    for kept in installed:
        others = [each for each in installed if each != kept]
        yield (
            f"Keep channel {_named(kept)} alone installed for M365 tenant {m365_tenant_id}.",
            tuple(_of_channel(Action.UNINSTALL, bot_id, each, m365_tenant_id=m365_tenant_id) for each in others),
        )


def _reconnect(subject: Subject, directory: Analysed) -> _Offered:
    [bot_id], [m365_tenant_id] = subject.bot_ids, subject.m365_tenant_ids
    for each in sorted(directory.rows.disconnected_installations[bot_id, m365_tenant_id]):
        yield f"Reconnect channel {_named(each)}.", (_of_channel(Action.CONNECT, bot_id, each),)


def _keep_one_channel(subject: Subject, directory: Analysed) -> _Offered:
    [tenant_id], [bot_id] = subject.tenant_ids, subject.bot_ids
    active = sorted(directory.rows.active_channels[tenant_id, bot_id])
    for kept in active:
        if _is_white_label(kept):
            others = tuple(_of_channel(Action.DISCONNECT, bot_id, each) for each in active if each != kept)
            yield f"Keep channel {_named(kept)} alone active for bot {bot_id}.", others


def _set_agent(subject: Subject, directory: Analysed) -> _Offered:
    [tenant_id], [bot_id] = subject.tenant_ids, subject.bot_ids
    agent_id = directory.usual_agents.get(tenant_id)
    for each in directory.rows.active_channels[tenant_id, bot_id] if agent_id is not None else ():
        channel_id, *_ = each
        if channel_id in subject.channel_ids and _is_white_label(each):
            sentence = f"Let channel {_named(each)} have a conversational agent of {tenant_id}, such as {agent_id}."
            yield sentence, (_of_channel(Action.SET_AGENT, bot_id, each, agent_id=agent_id),)


def _is_white_label(channel: ChannelRow) -> bool:
    _, _, _, white_label, _ = channel
    return white_label


def _named(channel: ChannelRow) -> str:
    channel_id, owner_id, _, _, _ = channel
    return f"{channel_id} of {owner_id}"


def _of_channel(action: Action, bot_id: str, channel: ChannelRow, **more: Any) -> Amendment:
    channel_id, owner_id, _, _, _ = channel
    return Amendment(action=action, tenant_id=owner_id, bot_id=bot_id, channel_id=channel_id, **more)


_OFFERING: Final[Mapping[Reason, Callable[[Subject, Analysed], _Offered]]] = {
    Reason.NO_COMPANY_LINKED: _link,
    Reason.SEVERAL_COMPANIES_LINKED: _keep_one_link,
    Reason.SEVERAL_ACTIVE_INSTALLATIONS: _keep_one_installation,
    Reason.INSTALLATION_DISCONNECTED: _reconnect,
    Reason.SEVERAL_ACTIVE_CHANNELS: _keep_one_channel,
}
