"""When one state follows from another by the log alone, and when the whole must be read anew."""

from __future__ import annotations

import pytest
from attrs import evolve

from neo_routing_adapters.live.positions import Database, Position, Snapshot
from neo_routing_adapters.live.tokens import UnknownToken, is_reached

DATABASE = Database("7", 5, "00000001")
LAST = Position(
    database=DATABASE,
    log=16_400,
    catalogue="digest",
    snapshot=Snapshot(10, 20, (10, 15)),
    is_standby=False,
    run="1000 1000",
)
LATER = evolve(LAST, snapshot=Snapshot(21, 21, ()))
STANDBY = evolve(LAST, database=evolve(DATABASE, timeline=""), is_standby=True)


def test_a_later_snapshot_of_the_same_relations_follows() -> None:
    assert LAST.difference(LATER, pruned=9) is None
    assert LAST.difference(LAST, pruned=9) is None


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (evolve(LATER, database=evolve(DATABASE, system="8")), "another database"),
        (evolve(LATER, database=evolve(DATABASE, oid=6)), "another database"),
        (evolve(LATER, database=evolve(DATABASE, timeline="00000002")), "another database"),
        (evolve(LATER, log=16_401), "the relations"),
        (evolve(LATER, catalogue="another"), "the relations"),
        (evolve(LATER, is_standby=True), "a standby"),
        (evolve(LATER, run="1000 1005"), "started anew"),
        (evolve(LATER, snapshot=Snapshot(10, 19, ())), "an earlier state"),
    ],
)
def test_what_does_not_follow_is_told_apart(later: Position, why: str) -> None:
    assert why in str(LAST.difference(later, pruned=9))


def test_what_was_pruned_might_not_have_been_seen() -> None:
    assert LAST.difference(LATER, pruned=10) == "the log was pruned"


@pytest.mark.parametrize(("transaction", "is_seen"), [(9, True), (10, False), (14, True), (15, False), (20, False)])
def test_a_token_is_reached_once_its_transaction_has_ended(transaction: int, is_seen: bool) -> None:
    assert is_reached(f"7/5/00000001@{transaction}", LAST) is is_seen


def test_on_a_standby_only_what_is_older_than_all_that_runs_is_sure() -> None:
    assert is_reached("7/5/00000001@9", STANDBY)
    assert not is_reached("7/5/00000001@14", STANDBY)


@pytest.mark.parametrize(
    "token", ["", "sqlite", "7/5/00000001", "7/5/00000002@9", "7/6/00000001@9", "@9", "7/5/00000001@x"]
)
def test_a_token_that_is_of_elsewhere_tells_nothing(token: str) -> None:
    with pytest.raises(UnknownToken):
        is_reached(token, LAST)
