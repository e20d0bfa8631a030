"""The remedies of one refusal: for an operator, as the audit has them; and for one account, of its own rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neo_routing.account_remedy import AccountRemedy, RemedyOfAccount
from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.nowhere import nowhere_in
from neo_routing.analysis.remedies import remedies_of
from neo_routing.analysis.remedy import Remedy
from neo_routing.analysis.subject import Subject, SubjectKind
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.decision import Decision
from neo_routing.own_rows import rows_of_tenant
from neo_routing.rows import Rows
from neo_routing.trace import TraceStep


def decision_remedies(decision: Decision, rows: Rows) -> tuple[Remedy, ...]:
    """Return the remedies of a refusal: those of the finding that an audit makes of the call's class.

    The rows are the whole directory, or at least those near to what the decision sought; of these alone, the remedies
    can be told, and not applied. Raises `ValueError` for a decision that has come without its trace.

    >>> from neo_routing import Caller, CallerKind, HeldRows, SessionRequest, Tenant, content_of, decide
    >>> content = content_of(tenants=[Tenant(id="msp-a")])
    >>> refused = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), HeldRows(content))
    >>> decision_remedies(refused, content)
    ()
    """
    if not decision.trace:
        raise ValueError("the decision has come without its trace, which tells what to remedy")
    refused = decision.trace[-1]
    matched = [step for step in decision.trace if step.verdict is Verdict.MATCHED]
    if refused.verdict is not Verdict.REFUSED or _is_as_expected(refused, matched):
        return ()
    subject = _subject(refused, matched)
    return remedies_of(subject, refused.clause, refused.reason, Analysed(rows, nowhere_in(rows)))


def _is_as_expected(refused: TraceStep, matched: list[TraceStep]) -> bool:
    """Tell whether a white-label channel refused an M365 tenant for which it is neither installed nor linked."""
    by_own_channel = bool(matched) and matched[-1].clause is Clause.ACTIVE_CHANNEL
    return by_own_channel and refused.reason is Reason.NO_COMPANY_LINKED


def _subject(refused: TraceStep, matched: list[TraceStep]) -> Subject:
    sought: dict[str, Any] = {name: value for step in (*matched, refused) for name, value in step.sought}
    return Subject(
        kind=SubjectKind.CHANNEL,
        tenant_ids=_of(sought, "tenant_id"),
        m365_tenant_ids=_of(sought, "m365_tenant_id"),
        bot_ids=_of(sought, "bot_id"),
        channel_ids=tuple([channel.id for step in matched for channel in step.channels]),
    )


def _of(sought: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return (sought[name],) if name in sought else ()


def own_remedies(remedy: RemedyOfAccount, tenant_id: str, bot_id: str | None, rows: Rows) -> tuple[Remedy, ...]:
    """Return what the account can do, as changes to its own rows; nothing where others have to agree first.

    They are made of those rows alone, so whatever others have, they are the same.
    """
    refusing = _REFUSING.get(remedy.remedy)
    if refusing is None:
        return ()
    clause, reason = refusing
    subject = Subject(
        kind=SubjectKind.CHANNEL,
        tenant_ids=(tenant_id,),
        m365_tenant_ids=() if remedy.m365_tenant_id is None else (remedy.m365_tenant_id,),
        bot_ids=() if bot_id is None else (bot_id,),
        channel_ids=tuple([channel.id for channel in remedy.channels]),
    )
    own = rows_of_tenant(tenant_id, rows)
    return tuple(
        [each for each in remedies_of(subject, clause, reason, Analysed(own, nowhere_in(own))) if each.amendments]
    )


_REFUSING: Final[Mapping[AccountRemedy, tuple[Clause, Reason]]] = {
    AccountRemedy.LINK_ONE_COMPANY: (Clause.END_COMPANY, Reason.NO_COMPANY_LINKED),
    AccountRemedy.KEEP_ONE_LINK: (Clause.END_COMPANY, Reason.SEVERAL_COMPANIES_LINKED),
    AccountRemedy.RECONNECT_THE_CHANNEL: (Clause.WHITE_LABEL_INSTALLATION, Reason.INSTALLATION_DISCONNECTED),
    AccountRemedy.KEEP_ONE_INSTALLATION: (Clause.WHITE_LABEL_INSTALLATION, Reason.SEVERAL_ACTIVE_INSTALLATIONS),
    AccountRemedy.KEEP_ONE_ACTIVE_CHANNEL: (Clause.ACTIVE_CHANNEL, Reason.SEVERAL_ACTIVE_CHANNELS),
    AccountRemedy.CHOOSE_AN_AGENT_FOR_THE_CHANNEL: (Clause.CHANNEL_AGENT, Reason.AGENT_MISSING),
}
