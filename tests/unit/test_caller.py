"""Who asks."""

from __future__ import annotations

from typing import Any

import pytest

from neo_routing import Caller, CallerKind


@pytest.mark.parametrize("kind", CallerKind)
def test_only_a_platform_service_account_is_a_platform_caller(kind: CallerKind) -> None:
    named: Any = str(kind)
    assert Caller(kind, "platform").is_platform is (kind is CallerKind.PLATFORM)
    assert Caller(named, "platform").is_platform is (kind is CallerKind.PLATFORM)


def test_nobody_can_say_that_a_caller_is_the_platform() -> None:
    arguments: dict[str, Any] = {"kind": "user", "tenant_id": "msp-a", "is_platform": True}
    with pytest.raises(TypeError):
        Caller(**arguments)


def test_a_caller_is_printed_as_it_is_written() -> None:
    caller = Caller(CallerKind.USER, "msp-a")
    assert repr(caller) == "Caller(kind=<CallerKind.USER: 'user'>, tenant_id='msp-a')"
