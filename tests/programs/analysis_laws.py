"""The laws of the analysis, by brute force over worlds: tests try some, and this program tries every one of a scope.

python -m tests.programs.analysis_laws tiny              audit and remedies, in every world
python -m tests.programs.analysis_laws tiny --pairs 1000 the difference, of so many pairs of worlds that are drawn
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from itertools import chain

from attrs import evolve

from neo_routing import AgentKind, Caller, Decision, HeldRows, Rows, SessionRequest, decide
from neo_routing.analysis import CallSet, Change, Layer, RequestClass, Severity, audit, difference, request_classes
from neo_routing.analysis.change import change_of
from neo_routing.decision import MadeDecision
from neo_routing.refusals import RefusalCode
from neo_routing.testing import World
from neo_routing.testing.small_worlds import CALLS, SCOPES, Scope

Call = tuple[Caller, SessionRequest]
CHANGES = [*Change]
SMALL_CALLS = [(call.caller, call.request) for call in CALLS]

# Audit


def refused_for_its_sake(rows: Rows) -> Iterator[tuple[CallSet, Severity]]:
    """Yield what is refused for the directory's sake, told from the answers alone."""
    for each in request_classes(rows):
        severity = severity_of(each)
        if severity is not None:
            yield each.calls, severity


def severity_of(each: RequestClass) -> Severity | None:
    refusal = each.decision.refusal
    if refusal is None:
        return None
    if refusal.code is RefusalCode.MANAGED_AGENT_NOT_FOUND:
        return Severity.ERROR if each.calls.tenant_id is not None else None
    if refusal.status != 409:
        return None
    as_it_should = {"no_inbound_tenant_id", "no_company_linked"}
    if each.calls.layer is not Layer.INSTALLATION and refusal.reason in as_it_should:
        return Severity.EXPECTED
    return Severity.ERROR


def assert_sound_and_complete(world: World) -> None:
    rows = world.content
    named = [(each.request_class.calls, each.severity) for each in audit(rows) if each.refused]
    assert len({calls for calls, _ in named}) == len(named)
    assert dict(named) == dict(refused_for_its_sake(rows))


def assert_remedies_work(world: World) -> int:
    """Apply every remedy there is, and return how many there were."""
    count, rows = 0, world.content
    for finding in audit(rows):
        for remedy in finding.remedies:
            count += 1
            applied = remedy.applied()
            left = [each for each in audit(applied) if each.request_class == finding.request_class and each.refused]
            assert (finding.clause, finding.reason) not in [(each.clause, each.reason) for each in left]
            effects = remedy.effects
            assert effects == difference(rows, applied)
            assert_difference(rows, applied, SMALL_CALLS[:60])
            assert not any(is_opened(each.before, each.after) for each in effects)
    return count


def is_opened(before: Decision, after: Decision) -> bool:
    """Tell whether a refusal became an unscoped session."""
    return before.target is None and after.target is not None and after.target.end_company_id is None


# Difference


def assert_difference(before: Rows, after: Rows, calls: list[Call]) -> None:
    """Try these calls and one of each class: one difference holds what is told otherwise, and none anything else.

    None is told as a lesser change than that of any of its calls: what a program is to fail on must not hide there.
    """
    found = difference(before, after)
    representatives = [(each.request_class.caller, each.request_class.request) for each in found]
    assert all(each.request_class.holds(*call) for each, call in zip(found, representatives, strict=True))
    classes = [(each.caller, each.request) for each in chain(request_classes(before), request_classes(after))]
    for call in (*calls, *representatives, *classes):
        old, new = decide(*call, HeldRows(before)), decide(*call, HeldRows(after))
        assert isinstance(old, MadeDecision)
        assert isinstance(new, MadeDecision)
        differs = old.result != new.result
        warned = {*old.routing_warnings} != {*new.routing_warnings}
        held = [each for each in found if each.request_class.holds(*call)]
        assert [each.answer_changed for each in held] == ([differs] if differs or warned else []), (call, found)
        assert all(CHANGES.index(each.change) <= CHANGES.index(change_of(old.result, new.result)) for each in held)


def drawn_pair(scope: Scope, chance: random.Random) -> tuple[Rows, Rows]:
    """Draw two worlds; one may be without a tenant, have triggered agents, or channels with another bot."""
    pairs = scope.channel_pairs
    one = chance.choice([*scope.worlds([chance.choice(pairs)])])
    other = chance.choice([*scope.worlds([chance.choice(pairs)])])
    if chance.random() < 0.5:
        other = evolve(one, end_companies=other.end_companies, agents=one.agents)
    if chance.random() < 0.3:
        other = _without_tenant(other, chance.choice(other.tenants).id)
    if chance.random() < 0.3:
        agents = [evolve(each, kind=AgentKind.TRIGGERED) if chance.random() < 0.3 else each for each in other.agents]
        other = evolve(other, agents=agents)
    if chance.random() < 0.3:
        channels = [evolve(each, bot_id="bot-2") if chance.random() < 0.3 else each for each in other.channels]
        other = evolve(other, channels=channels)
    return (one.content, other.content) if chance.random() < 0.5 else (other.content, one.content)


def _without_tenant(world: World, tenant_id: str) -> World:
    return World(
        [each for each in world.tenants if each.id != tenant_id],
        *(
            [each for each in rows if each.tenant_id != tenant_id]
            for rows in (world.agents, world.channels, world.end_companies)
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scope", choices=SCOPES)
    parser.add_argument("--pairs", type=int, default=0, help="how many pairs of worlds to draw")
    parser.add_argument("--every", type=int, default=1, help="try every so many of the pairs of channels alone")
    options = parser.parse_args()
    scope, chance = SCOPES[options.scope], random.Random(17)
    for _ in range(options.pairs):
        assert_difference(*drawn_pair(scope, chance), SMALL_CALLS)
    if options.pairs:
        print(f"difference: {options.pairs:,} pairs of worlds, no counterexample")
        return
    worlds = remedies = 0
    for world in scope.worlds(scope.channel_pairs[:: options.every]):
        assert_sound_and_complete(world)
        remedies += assert_remedies_work(world)
        worlds += 1
    print(f"audit: {worlds:,} worlds, {remedies:,} remedies, no counterexample")


if __name__ == "__main__":
    main()
