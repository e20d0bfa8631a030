"""What a notice is: something suspicious, with a class of calls that it bears on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.classes import class_in
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.subject import Severity, Subject, SubjectKind, Suspicion
from neo_routing.caller import CallerKind
from neo_routing.clauses import Clause
from neo_routing.rows import ChannelRow


def of_channels(
    kind: SubjectKind, bot_id: str, channels: Iterable[ChannelRow], m365_tenant_ids: Iterable[str] = ()
) -> Subject:
    """Return what is about these channels of a bot, and these M365 tenants, if any."""
    ids = sorted((channel_id, owner_id) for channel_id, owner_id, _, _, _ in channels)
    return Subject(
        kind=kind,
        tenant_ids=tuple(sorted({owner_id for _, owner_id in ids})),
        m365_tenant_ids=tuple(sorted(m365_tenant_ids)),
        bot_ids=(bot_id,),
        channel_ids=tuple([channel_id for channel_id, _ in ids]),
    )


def of_m365_tenant(m365_tenant_id: str, owner_ids: Iterable[str], bot_ids: Iterable[str]) -> Subject:
    """Return what is about an M365 tenant, with the tenants that know it and their bots."""
    return Subject(
        kind=SubjectKind.M365_TENANT,
        tenant_ids=tuple(sorted(owner_ids)),
        m365_tenant_ids=(m365_tenant_id,),
        bot_ids=tuple(sorted(bot_ids)),
    )


def notice(
    directory: Analysed,
    reason: Suspicion,
    subject: Subject,
    client_id: str,
    bot_id: str | None = None,
    m365_tenant_id: str | None = None,
) -> Finding:
    """Return a notice that bears on the class of this call of the platform."""
    caller = caller_of(CallerKind.PLATFORM, client_id)
    bears_on = class_in(directory, caller, asked(client_id, bot_id, m365_tenant_id))
    assert bears_on is not None, "ids of rows are usable"
    return notice_of(bears_on, reason, subject)


def notice_of(bears_on: RequestClass, reason: Suspicion, subject: Subject) -> Finding:
    """Return a notice that bears on this class."""
    return Finding(Severity.NOTICE, subject, _CLAUSES[reason], reason, bears_on)


_CLAUSES: Final = {
    Suspicion.INSTALLED_NOWHERE: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.INSTALLED_ON_STANDARD_CHANNEL: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.NOBODY_ARRIVES: Clause.ACTIVE_CHANNEL,
    Suspicion.LINKED_BY_SEVERAL_TENANTS: Clause.END_COMPANY,
    Suspicion.PAUSED_AND_ACTIVE: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.TENANT_IDS_ALIKE: Clause.NEO_SUPPORT,
    Suspicion.NO_GUID: Clause.PLATFORM_IDS,
}
