"""What `from neo_routing import ...` offers."""

from __future__ import annotations

import inspect
from importlib import import_module

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
    public = {name for name in dir(neo_routing) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(neo_routing, name))}
    needed_to_import_later = {"Any", "Final", "TYPE_CHECKING", "import_module", "annotations"}
    assert public - modules - needed_to_import_later == set(neo_routing.__all__)


def test_what_is_imported_later_is_the_same_as_where_it_is_made() -> None:
    later = neo_routing._LATER
    assert later.keys() < {*neo_routing.__all__}
    for name, module in later.items():
        assert getattr(neo_routing, name) is getattr(import_module(module), name)
    with pytest.raises(AttributeError, match="module 'neo_routing' has no attribute 'nobody'"):
        _ = neo_routing.nobody
