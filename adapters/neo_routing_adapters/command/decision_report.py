"""How a decision is written for a person: the steps as a tree, then the answer, then the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from returns.result import Failure
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from neo_routing import Caller, Clause, Decision, Refusal, TracedAgent, TraceStep, Verdict
from neo_routing.nearest_miss import NearestMiss
from neo_routing.printable import printable
from neo_routing_adapters.advice import MISSES
from neo_routing_adapters.phrases import exactly, near_particulars, on_which_channel, particulars, who_answers
from neo_routing_adapters.wording import OUTCOMES, VERDICTS, WARNINGS, sentence

_STYLES: Final = {Verdict.MATCHED: "bold green", Verdict.PASSED: "green", Verdict.REFUSED: "bold red"}
_MINOR: Final = "dim"


def decision_report(
    caller: Caller, decision: Decision, misses: Iterable[NearestMiss] = (), remedies: Sequence[str] = ()
) -> RenderableType:
    """Return all that there is to tell of a decision, with what came near and what can be done."""
    steps = _steps(caller, decision, {near.clause: near for near in misses})
    report: list[RenderableType] = [steps, Text(), Text("answer", "bold"), _detail(answer(decision))]
    report += [_detail(line) for line in _answer_details(decision)]
    if remedies:
        report += [Text(), Text("remedy", "bold")]
        report += [_detail(Text(printable(sentence))) for sentence in remedies]
    if decision.warnings:
        report += [Text(), Text("warnings", "bold yellow")]
        report += [_detail(line) for line in warnings(decision)]
    return Group(*report)


def _detail(line: Text) -> Padding:
    return Padding(line, (0, 0, 0, 2))


def answer(decision: Decision) -> Text:
    """Tell the answer: who answers, or why nobody does."""
    if isinstance(decision.result, Failure):
        refusal: Refusal = decision.result.failure()
        return Text.assemble((f"refused, {refusal.status}: ", "bold red"), printable(refusal.message))
    target = decision.result.unwrap()
    return Text(who_answers(target, _name_of(target.agent_id, decision)))


def warnings(decision: Decision) -> list[Text]:
    """Tell each warning in a line."""
    return [Text.assemble((str(code), "yellow"), f": {WARNINGS[code]}") for code in decision.warnings]


def deciding_step(decision: Decision) -> TraceStep:
    """Return the step that gave the answer: the one that refused, or else the one that found the target."""
    refused = [step for step in decision.trace if step.verdict is Verdict.REFUSED]
    return (refused or [step for step in decision.trace if step.verdict is Verdict.MATCHED])[0]


def _steps(caller: Caller, decision: Decision, misses: Mapping[Clause, NearestMiss]) -> Tree:
    tree = Tree(Text(f"{caller.kind} of {exactly(caller.tenant_id)} asks"), guide_style=_MINOR)
    for step in decision.trace:
        verdict = (VERDICTS[step.verdict], _STYLES.get(step.verdict, ""))
        heading = Text.assemble((str(step.clause), "bold"), ": ", verdict, f", {step.reason}")
        branch = tree.add(Group(heading, Text(sentence(step))))
        for particular in particulars(step):
            branch.add(Text(particular, _MINOR))
        if step.clause in misses:
            _add_miss(branch, step, misses[step.clause])
    return tree


def _add_miss(branch: Tree, step: TraceStep, near: NearestMiss) -> None:
    heading = Text.assemble(("nearest miss", "bold yellow"), f", {near.miss}")
    told = branch.add(Group(heading, Text(MISSES[near.miss])))
    if not near.channels or near.channels != step.channels:  # what the step turned on stands there already
        for particular in near_particulars(near):
            told.add(Text(particular, _MINOR))


def _name_of(agent_id: int, decision: Decision) -> str | None:
    agents: list[TracedAgent] = [agent for step in decision.trace for agent in step.agents if agent.id == agent_id]
    return agents[-1].name if agents else None


def _answer_details(decision: Decision) -> list[Text]:
    if isinstance(decision.result, Failure):
        return [Text(str(decision.result.failure().code), "bold red")]
    target = decision.result.unwrap()
    lines = [Text.assemble((str(target.outcome), "bold green"), f": {OUTCOMES[target.outcome]}")]
    if target.channel_id is not None:
        lines.append(Text(", ".join(on_which_channel(target))))
    if target.end_company_id is not None:
        lines.append(Text(f"end-company {exactly(target.end_company_id)}"))
    return lines
