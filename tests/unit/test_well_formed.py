"""What a single value must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neo_routing import AgentKind, well_formed


class Vicious(type):
    """Any use of its classes but by identity runs code."""

    def __hash__(cls) -> int:
        raise AssertionError("a metaclass's code ran")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("a metaclass's code ran")

    def __instancecheck__(cls, instance: object) -> bool:
        raise AssertionError("a metaclass's code ran")

    def __subclasscheck__(cls, subclass: type) -> bool:
        raise AssertionError("a metaclass's code ran")


class ViciousText(str, metaclass=Vicious):
    __slots__ = ()


class ViciousNumber(int, metaclass=Vicious):
    __slots__ = ()


class ViciousList(list[str], metaclass=Vicious):
    __slots__ = ()


class ViciousThing(metaclass=Vicious):
    pass


CHECKS: list[Callable[[Any], object]] = [
    well_formed.text,
    well_formed.identifier,
    well_formed.bot_id,
    well_formed.m365_tenant_id,
    well_formed.integer,
    well_formed.agent_id,
    well_formed.boolean,
    well_formed.collection,
    well_formed.m365_tenant_ids,
    lambda value: well_formed.member(value, well_formed.members_of(AgentKind)),
]


@pytest.mark.parametrize("check", CHECKS, ids=map(str, range(len(CHECKS))))
@pytest.mark.parametrize(
    "make",
    [lambda: ViciousText("x"), lambda: ViciousNumber(1), ViciousList, ViciousThing],
    ids=["text", "number", "list", "thing"],
)
def test_no_code_of_a_metaclass_runs(check: Callable[[Any], object], make: Callable[[], object]) -> None:
    try:
        check(make())
    except ValueError as error:
        assert str(error).startswith("must ")
