"""What `from neo_routing import ...` offers."""

from __future__ import annotations

import inspect

import pytest

import neo_routing

PROMISED = [
    "Tenant",
    "Agent",
    "AgentKind",
    "Channel",
    "ChannelStatus",
    "EndCompany",
    "Caller",
    "CallerKind",
    "ManagedAgentKey",
    "SessionRequest",
    "SessionTarget",
    "Outcome",
    "Refusal",
    "RefusalCode",
    "WarningCode",
    "Decision",
    "parse_session_request",
    "resolve_session_target",
    "decide",
    "decide_many",
    "aresolve_session_target",
    "adecide",
    "adecide_many",
    "SessionDirectory",
    "AsyncSessionDirectory",
    "DirectoryUnavailable",
]


def test_every_promised_name_is_there() -> None:
    assert set(PROMISED) <= set(neo_routing.__all__)


@pytest.mark.parametrize("name", neo_routing.__all__)
def test_a_public_name_exists_and_says_what_it_is(name: str) -> None:
    public = getattr(neo_routing, name)
    if inspect.isclass(public) or inspect.isfunction(public):
        documentation = inspect.getdoc(public) or ""
        first, _, _ = documentation.partition("\n")
        assert first.endswith((".", ":")) or documentation.partition("\n\n")[0].endswith("."), name


def test_nothing_else_is_exported_by_accident() -> None:
    public = {name for name in vars(neo_routing) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(neo_routing, name))}
    assert public - modules == set(neo_routing.__all__)
