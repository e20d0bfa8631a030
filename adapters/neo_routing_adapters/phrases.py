"""Phrases for a person: of an id, of an answer, of a verdict, and of each row that a step turned on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from returns.result import Failure, Result

from neo_routing import Refusal, SessionTarget, TracedAgent, TracedChannel, TracedEndCompany, TraceStep
from neo_routing.account_remedy import RemedyOfAccount
from neo_routing.near_rows import OwnedEndCompany
from neo_routing.nearest_miss import NearestMiss
from neo_routing.printable import printable
from neo_routing_adapters.wording import VERDICTS

Answer: TypeAlias = Result[SessionTarget, Refusal]

_READABLE: Final = 10**40
_MOST_ROWS: Final = 5
_PROGRESS_STEPS: Final[Mapping[bool | None, str]] = {
    True: "progress steps shown",
    False: "progress steps hidden",
    None: "progress steps not set",
}


def exactly(text: str) -> str:
    r"""Return an id fit to be printed so that no white space at its ends, nor its absence, escapes the reader.

    >>> print(exactly("msp-a"), exactly("msp-a\u00a0"), exactly(""))
    msp-a "msp-a\xa0" ""
    """
    if text and text == text.strip():
        return printable(text)
    # Even in quotes, a blank gets lost where a line is wrapped.
    return '"{}"'.format(printable(text).replace(" ", r"\x20"))


def who_answers(target: SessionTarget, agent_name: str | None = None) -> str:
    """Tell which agent answers as which tenant, and in whose scope.

    >>> from neo_routing import Outcome
    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> who_answers(target), who_answers(target, "Help desk")
    ('agent 12 answers as msp-a', 'agent 12 "Help desk" answers as msp-a')
    """
    name = "" if agent_name is None else f' "{printable(agent_name)}"'
    alone = "" if target.end_company_id is None else f" for {exactly(target.end_company_id)} alone"
    return f"agent {target.agent_id}{name} answers as {exactly(target.tenant_id)}{alone}"


def on_which_channel(target: SessionTarget) -> tuple[str, ...]:
    """Tell the channel of an answer, and whether it shows progress steps; nothing of an answer without one."""
    if target.channel_id is None:
        return ()
    return f"channel {exactly(target.channel_id)}", _PROGRESS_STEPS[target.show_agent_progress_steps]


def answer_in_a_line(given: Answer, *, with_message: bool) -> str:
    """Tell who answers and in whose scope, or why nobody does.

    >>> from returns.result import Success
    >>> from neo_routing import Outcome, RefusalCode
    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> answer_in_a_line(Success(target), with_message=True)
    'own_tenant: agent 12 answers as msp-a'
    >>> refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    >>> answer_in_a_line(Failure(refusal), with_message=True)
    'refused, 404 agent_not_found: There is no such agent.'
    """
    if isinstance(given, Failure):
        return _refused(given.failure(), with_message=with_message)
    target = given.unwrap()
    return ", ".join([f"{target.outcome}: {who_answers(target)}", *on_which_channel(target)])


def verdict(step: TraceStep) -> str:
    """Tell what the clause had to say, and why."""
    return f"{VERDICTS[step.verdict]}, {step.reason}"


def particulars(step: TraceStep) -> Iterator[str]:
    """Tell the ids and the rows that a step turned on, a line each, fit to be printed."""
    for name, value in step.sought:
        yield f"{name} {_value(value)}"
    yield from map(_agent, step.agents)
    yield from map(_channel, step.channels)
    yield from map(_end_company, step.end_companies)


def near_particulars(near: NearestMiss) -> Iterator[str]:
    """Tell the rows that came near, a line each; of many the first ones, and how many more there are."""
    rows: list[str] = [f"tenant {exactly(each)}" for each in near.tenant_ids[:_MOST_ROWS]]
    rows += map(_agent, near.agents[:_MOST_ROWS])
    rows += map(_channel, near.channels[:_MOST_ROWS])
    rows += [f"{_end_company(each)} of {exactly(each.tenant_id)}" for each in near.end_companies[:_MOST_ROWS]]
    yield from rows
    many = sum(map(len, (near.tenant_ids, near.agents, near.channels, near.end_companies)))
    if many > len(rows):
        yield f"and {many - len(rows):,} more"


def own_particulars(remedy: RemedyOfAccount) -> Iterator[str]:
    """Tell the rows of an account's own that a remedy concerns, a line each, and no id that is not its own."""
    if remedy.m365_tenant_id is not None:
        yield f"M365 tenant {exactly(remedy.m365_tenant_id)}"
    yield from (f"channel {exactly(each.id)}, {_sort(each)}" for each in remedy.channels)
    yield from (f'agent {each.id} "{printable(each.name)}", {each.kind.lower()}' for each in remedy.agents)
    yield from map(_end_company, remedy.end_companies)


def _refused(refusal: Refusal, *, with_message: bool) -> str:
    about = f" about {', '.join(refusal.fields)}" if refusal.fields else ""
    message = f": {printable(refusal.message)}" if with_message else ""
    return f"refused, {refusal.status} {refusal.code}{about}{message}"


def _value(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(exactly, value))
    return _number(value) if isinstance(value, int) else exactly(value)


def _number(value: int) -> str:
    if -_READABLE < value < _READABLE:
        return str(value)
    return "far below zero" if value < 0 else "far above every agent's id"


def _agent(agent: TracedAgent) -> str:
    return f'agent {agent.id} "{printable(agent.name)}" of {exactly(agent.tenant_id)}, {agent.kind.lower()}'


def _channel(channel: TracedChannel) -> str:
    return f"channel {exactly(channel.id)} of {exactly(channel.tenant_id)}, {_sort(channel)}, agent {channel.agent_id}"


def _sort(channel: TracedChannel) -> str:
    return f"{channel.status.lower()}, {'white-label' if channel.white_label else 'standard'}"


def _end_company(company: TracedEndCompany | OwnedEndCompany) -> str:
    return f'end-company {exactly(company.id)} "{printable(company.name)}"'
