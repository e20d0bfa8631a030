"""What can change in an answer, from the worst to what hardly matters."""

from __future__ import annotations

from neo_routing.findings import Answer
from neo_routing.names import Name
from neo_routing.target import SessionTarget


class Change(Name):
    """What changed in the answers to a class of calls; the members stand with the worst first."""

    WIDER = "wider"
    """An unscoped session where a scoped one or a refusal was."""
    ANOTHER_TENANT = "another_tenant"
    """A session as another tenant."""
    ANOTHER_SCOPE = "another_scope"
    """A session of the same tenant in another end-company's scope, or in one where there was none."""
    REFUSED = "refused"
    """A refusal where a session was."""
    ANSWERED = "answered"
    """A scoped session where a refusal was."""
    ANOTHER_AGENT = "another_agent"
    """A session of the same tenant in the same scope, on another agent or channel, or shown otherwise."""
    ANOTHER_REFUSAL = "another_refusal"
    """Another refusal."""
    WARNING = "warning"
    """The same answer, with other warnings."""


def change_of(before: Answer, after: Answer) -> Change:
    """Tell what changed from one answer to another one.

    >>> from returns.result import Success
    >>> from neo_routing import Outcome
    >>> def session(agent_id):
    ...     return Success(SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=agent_id))
    >>> change_of(session(11), session(12))
    <Change.ANOTHER_AGENT: 'another_agent'>
    """
    if before == after:
        return Change.WARNING
    old, new = before.value_or(None), after.value_or(None)
    if new is None:
        return Change.ANOTHER_REFUSAL if old is None else Change.REFUSED
    if old is None:
        return Change.WIDER if new.end_company_id is None else Change.ANSWERED
    return _of_sessions(old, new)


def _of_sessions(old: SessionTarget, new: SessionTarget) -> Change:
    if old.end_company_id is not None and new.end_company_id is None:
        return Change.WIDER
    if old.tenant_id != new.tenant_id:
        return Change.ANOTHER_TENANT
    return Change.ANOTHER_AGENT if old.end_company_id == new.end_company_id else Change.ANOTHER_SCOPE
