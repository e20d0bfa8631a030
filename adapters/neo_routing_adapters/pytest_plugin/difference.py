"""The difference between two decisions that should be equal: the answers, the warnings, and the step that parted them.

Each thing that can differ is a phrase, and each line says who has it: left, right, or both.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import fields
from returns.result import Failure, Success

from neo_routing import Clause, Decision, Refusal, SessionTarget, TraceStep
from neo_routing_adapters.phrases import Answer, answer_in_a_line, particulars, verdict

_Comparable: TypeAlias = Decision | Answer
_Pair: TypeAlias = tuple[TraceStep | None, TraceStep | None]


class _Difference(NamedTuple):
    """What two differ in, and the lines that tell it."""

    how: str
    lines: list[str]


_INDENT: Final = "  "


def difference(left: Any, right: Any, *, in_full: bool) -> list[str] | None:
    r"""Tell what parts two decisions, two answers, or two lists of either; nothing of anything else.

    In full it also tells what both have in common, every message, and of two lists every pair that differs.

    >>> from neo_routing import Outcome, RefusalCode
    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    >>> print("\n".join(difference(Success(target), Failure(refusal), in_full=False)))
    Success == Failure
      left   own_tenant: agent 12 answers as msp-a
      right  refused, 404 agent_not_found
    >>> difference(12, 13, in_full=False) is None
    True
    """
    many = _are_lists(left, right)
    sort = _sort([*left, *right] if many else [left, right])
    if sort is None:
        return None
    if many:
        return [*_of_many(left, right, sort, in_full=in_full)]
    how, lines = _of_two(left, right, in_full=in_full)
    return [f"{_kind(left)} == {_kind(right)}{how}", *_indented(lines)]


def _kind(value: object) -> str:
    return Decision.__name__ if isinstance(value, Decision) else type(value).__name__


def _are_lists(left: object, right: object) -> bool:
    return isinstance(left, list | tuple) and type(left) is type(right)


def _sort(values: Sequence[object]) -> str | None:
    if all(isinstance(value, Decision) for value in values):
        return "decision"
    return "answer" if all(map(_is_answer, values)) else None


def _is_answer(value: object) -> bool:
    match value:
        case Success(SessionTarget()) | Failure(Refusal()):
            return True
        case _:
            return False


def _of_two(left: _Comparable, right: _Comparable, *, in_full: bool) -> _Difference:
    if isinstance(left, Decision) and isinstance(right, Decision):
        return _of_decisions(left, right, in_full=in_full)
    one, other = _answer_of(left), _answer_of(right)
    return _Difference(_in_which_fields(one, other), [*_answers(one, other, in_full=in_full)])


def _answer_of(given: _Comparable) -> Answer:
    return given.result if isinstance(given, Decision) else given


# Of two decisions


def _of_decisions(left: Decision, right: Decision, *, in_full: bool) -> _Difference:
    steps = _side_by_side(left.trace, right.trace)
    parting = _parting(steps)
    return _Difference(
        _how(left, right, parting),
        [
            *_answers(left.result, right.result, in_full=in_full),
            *_sided(_warnings(left), _warnings(right), shared=in_full),
            *(_all_steps(steps) if in_full else _parting_step(steps, parting)),
        ],
    )


def _side_by_side(left: Iterable[TraceStep], right: Iterable[TraceStep]) -> dict[Clause, _Pair]:
    """Pair the steps by their clauses, of which a decision comes past each once at most, in the order of the rules."""
    of_left, of_right = ({step.clause: step for step in trace} for trace in (left, right))
    return {
        clause: (of_left.get(clause), of_right.get(clause))
        for clause in Clause
        if clause in of_left or clause in of_right
    }


def _parting(steps: dict[Clause, _Pair]) -> Clause | None:
    """Return the first clause that says something else, or else the first that says the same of something else."""
    apart = [clause for clause, (one, other) in steps.items() if one != other]
    return next((clause for clause in apart if operator.ne(*_verdicts(steps[clause]))), apart[0] if apart else None)


def _how(left: Decision, right: Decision, parting: Clause | None) -> str:
    if parting is not None:
        return f", parted by {parting}"
    return _in_which_fields(left.result, right.result) or ", with other warnings"


def _warnings(decision: Decision) -> list[str]:
    return [f"warning {code}" for code in decision.warnings]


def _parting_step(steps: dict[Clause, _Pair], parting: Clause | None) -> Iterator[str]:
    if parting is None:
        return
    before = [*takewhile(lambda clause: clause is not parting, steps)]
    same = [clause for clause in before if operator.eq(*steps[clause])]
    other = [clause for clause in before if clause not in same]
    yield "".join(
        [
            str(parting),
            f", after the same {', '.join(same)}" if same else "",
            f", with other facts in {', '.join(other)}" if other else "",
        ]
    )
    yield from _indented(_step(steps[parting], in_full=False))


def _all_steps(steps: dict[Clause, _Pair]) -> Iterator[str]:
    for clause, pair in steps.items():
        yield str(clause)
        yield from _indented(_step(pair, in_full=True))


def _step(pair: _Pair, *, in_full: bool) -> Iterator[str]:
    yield from _sided(*_verdicts(pair), shared=True)
    yield from _sided(*([*particulars(each)] if each else [] for each in pair), shared=in_full)


def _verdicts(pair: _Pair) -> tuple[list[str], list[str]]:
    left, right = ([verdict(each)] if each else [] for each in pair)
    return left, right


# Of two answers


def _answers(left: Answer, right: Answer, *, in_full: bool) -> Iterator[str]:
    names = _fields_that_differ(left, right)
    with_message = in_full or ("message" in names and "code" not in names)
    yield from _sided(*([answer_in_a_line(each, with_message=with_message)] for each in (left, right)), shared=True)


def _in_which_fields(left: Answer, right: Answer) -> str:
    names = _fields_that_differ(left, right)
    return f", differing in {', '.join(names)}" if names else ""


def _fields_that_differ(left: Answer, right: Answer) -> list[str]:
    one, other = (each.failure() if isinstance(each, Failure) else each.unwrap() for each in (left, right))
    if type(one) is not type(other):
        return []
    return [field.name for field in fields(type(one)) if getattr(one, field.name) != getattr(other, field.name)]


# Of two lists


def _of_many(left: Sequence[_Comparable], right: Sequence[_Comparable], sort: str, *, in_full: bool) -> Iterator[str]:
    shorter, longer = sorted((len(left), len(right)))
    apart = [place for place in range(shorter) if left[place] != right[place]]
    differ = f"{_count(apart, 'pair')} differ{'s' if len(apart) == 1 else ''}"
    yield f"{_count(left, sort)} == {_count(right, sort)}, {differ}"
    places = [*apart, *range(shorter, longer)]
    for place in places if in_full else places[:1]:
        how, lines = _at(place, left, right, in_full=in_full)
        yield from _indented([f"at [{place}]{how}", *_indented(lines)])


def _count(each: Sequence[object], noun: str) -> str:
    return f"{len(each)} {noun}{'' if len(each) == 1 else 's'}"


def _at(place: int, left: Sequence[_Comparable], right: Sequence[_Comparable], *, in_full: bool) -> _Difference:
    if place < min(len(left), len(right)):
        return _of_two(left[place], right[place], in_full=in_full)
    side, more = max(("left", left), ("right", right), key=lambda named: len(named[1]))
    return _Difference(f", only {side}", [answer_in_a_line(_answer_of(more[place]), with_message=in_full)])


# Lines


def _sided(left: Sequence[str], right: Sequence[str], *, shared: bool) -> Iterator[str]:
    """Say of each phrase on which side it stands; of those on both only if they are wanted."""
    if shared:
        yield from (f"both   {phrase}" for phrase in left if phrase in right)
    yield from (f"left   {phrase}" for phrase in left if phrase not in right)
    yield from (f"right  {phrase}" for phrase in right if phrase not in left)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in lines)
