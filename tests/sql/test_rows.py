"""What is made of the rows that come back, of those too that make no sense: they are an outage, and no missing rows."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    DirectoryUnavailable,
    EndCompany,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    decide,
    decide_many,
)
from neo_routing.testing import World
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.look_up.rows import FoundRows
from neo_routing_adapters.sql.schema import RELATIONS
from tests.programs.databases.stored import engine_with_tables, store

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "platform")
SENSELESS = r"^The directory holds rows that make no sense\.$"
WORLD = World(
    (Tenant(id="msp-a"), Tenant(id="msp-b")),
    (Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),),
    (Channel(id="c", tenant_id="msp-a", agent_id=12, bot_id="b", white_label=True, installed_m365_tenant_ids=["m"]),),
    (EndCompany(id="e", tenant_id="msp-a", m365_tenant_ids=["m"]),),
)

NULL = "nullif({0}, {0})"
"""In a query, null instead of a column's value, of its type."""

_BY_AN_AGENT = [(USER, SessionRequest(agent_id=12))]
_BY_A_CHANNEL = [
    (PLATFORM, SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-a", bot_id="b"))
]
_BY_AN_INSTALLATION = [
    (
        PLATFORM,
        SessionRequest(
            managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id=client_id, bot_id="b", m365_tenant_id="m"
        ),
    )
    for client_id in ("msp-a", "msp-b")
]
_BY_EITHER = [*_BY_A_CHANNEL, *_BY_AN_INSTALLATION]
_SENSELESS = [
    ("agent", "kind", "'ROBOT'", _BY_AN_AGENT),
    ("agent", "kind", NULL, _BY_AN_AGENT),
    ("agent", "name", NULL, _BY_AN_AGENT),
    ("agent", "managed_key", "'X'", _BY_AN_AGENT),
    ("agent", "tenant_id", NULL, _BY_AN_AGENT),
    ("channel", "id", NULL, _BY_A_CHANNEL),
    ("channel", "tenant_id", NULL, _BY_AN_INSTALLATION),
    ("channel", "agent_id", NULL, _BY_EITHER),
    ("channel", "status", "'OFF'", _BY_EITHER),
    ("channel", "status", NULL, _BY_EITHER),
    ("channel", "white_label", NULL, _BY_EITHER),
    ("channel", "id", "''", _BY_A_CHANNEL),
    ("end_company", "name", NULL, _BY_AN_INSTALLATION),
]
_SENSELESS_IN_SQLITE = [
    ("channel", "white_label", "'yes'", _BY_EITHER),
    ("channel", "white_label", "2", _BY_EITHER),
    ("channel", "show_agent_progress_steps", "7", _BY_EITHER),
]
"""What a view on a host's tables may deliver, and the calls that come past it."""


def view_with(connection: Connection, relation: str, column: str, value: str) -> None:
    """Put a view on the relation into its place, which has that value in each row."""
    values = {name: name for name in RELATIONS[relation]} | {column: value.format(column)}
    connection.execute(text(f"ALTER TABLE {relation} RENAME TO hidden"))
    selected = ", ".join(f"{value} AS {name}" for name, value in values.items())
    connection.execute(text(f"CREATE VIEW {relation} AS SELECT {selected} FROM hidden"))


def require_an_outage(url: str, relation: str, column: str, value: str, cases: list) -> None:
    engine = engine_with_tables(url)
    store(engine, WORLD)
    directory = SqlDirectory(engine)
    for case in cases:
        decide(*case, directory)  # which is no outage yet
    with engine.begin() as connection:
        view_with(connection, f"routing_{relation}", column, value)
    for case in cases:
        with pytest.raises(DirectoryUnavailable, match=SENSELESS):
            decide(*case, directory)
        with pytest.raises(DirectoryUnavailable, match=SENSELESS):
            decide_many([case, (USER, SessionRequest(agent_id=13))], directory)
    engine.dispose()


@pytest.mark.parametrize(("relation", "column", "value", "cases"), _SENSELESS)
def test_a_row_that_makes_no_sense_is_an_outage_and_no_missing_row(
    any_database_url: str, relation: str, column: str, value: str, cases: list
) -> None:
    require_an_outage(any_database_url, relation, column, value, cases)


@pytest.mark.parametrize(("relation", "column", "value", "cases"), _SENSELESS_IN_SQLITE)
def test_what_is_no_truth_value_in_sqlite_is_an_outage_and_no_missing_row(
    sqlite_url: str, relation: str, column: str, value: str, cases: list
) -> None:
    require_an_outage(sqlite_url, relation, column, value, cases)


def test_ids_of_a_fixed_length_are_those_that_they_are_without_the_blanks_that_fill_them(database_url: str) -> None:
    engine = engine_with_tables(database_url)
    store(engine, WORLD)
    of_fixed_length = {
        "routing_tenant": ["id"],
        "routing_agent": ["tenant_id"],
        "routing_channel": ["id", "tenant_id"],
        "routing_end_company": ["id", "tenant_id"],
    }
    cases = [*_BY_AN_AGENT, *_BY_EITHER]
    expected = [decide(*case, SqlDirectory(engine)) for case in cases]
    with engine.begin() as connection:
        for relation, columns in of_fixed_length.items():
            selected = ", ".join(
                f"{name}::char(40) AS {name}" if name in columns else name for name in RELATIONS[relation]
            )
            connection.execute(text(f"ALTER TABLE {relation} RENAME TO hidden_{relation}"))
            connection.execute(text(f"CREATE VIEW {relation} AS SELECT {selected} FROM hidden_{relation}"))
    directory = SqlDirectory(engine)
    assert [decide(*case, directory) for case in cases] == expected == decide_many(cases, directory)
    engine.dispose()


FOUND = [
    (1, "msp-a", "msp-a", None, None, None, None, None, None, None),
    (2, "msp-a", "msp-a", 12, "Help desk", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (2, "msp-a", "msp-a", 13, "Another", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (2, "msp-a", None, 12, "Help desk", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (3, "msp-a", "c-1", 12, "msp-a", "ACTIVE", "b", "m", True, None),
    (3, "msp-a", "c-2", 12, None, "ACTIVE", "b", "m", True, False),
    (3, "msp-a", "c-1", 12, None, "ACTIVE", "b", "m", True, None),
    (4, "msp-a", "e-1", None, "One", "msp-a", None, "m", None, None),
    (4, "msp-a", "e-2", None, "Two", "msp-a", None, "m", None, None),
    (4, "msp-a", "e-3", None, "Three", "msp-a", None, "m", None, None),
    (4, "msp-a", "e-2", None, "Two", "msp-a", None, "m", None, None),
    (5, None, None, None, None, None, "b", None, True, None),
]
ASKED = (12,), ("b",), ("m",)
"""What the statement finds where something clashes, and some of it twice."""


@pytest.mark.parametrize("at_once", range(1, len(FOUND) + 1))
def test_rows_are_put_together_in_whatever_parts_they_come(at_once: int) -> None:
    found = FoundRows(ASKED)
    for start in range(0, len(FOUND), at_once):
        found.add(FOUND[start : start + at_once])
    rows = found.rows()
    assert rows.managed_agents[ManagedAgentKey.NEO_SUPPORT] == {"msp-a": (12, 13)}
    assert rows.agent_names == {12: "Help desk", 13: "Another"}
    channels = (("c-1", "msp-a", 12, True, None), ("c-2", "msp-a", 12, True, False))
    assert rows.active_channels == {("msp-a", "b"): channels}
    assert rows.active_installations == {("b", "m"): channels}
    assert rows.end_companies == {("msp-a", "m"): ("e-1", "e-2", "e-3")}
    assert (set(rows.tenants), set(rows.white_label_bots), set(rows.known_bots)) == ({"msp-a"}, {"b"}, {"b"})


_CONTRADICTORY = {
    "a sort that is not known": (6, *FOUND[0][1:]),
    "two owners": (2, "msp-b", *FOUND[1][2:]),
    "two kinds": (*FOUND[1][:5], "TRIGGERED", *FOUND[1][6:]),
    "a channel of two states": (3, "msp-a", "c-1", 12, "msp-a", "DISCONNECTED", "b", "m", True, None),
    "a channel of two owners": (3, "msp-b", "c-1", 12, None, "ACTIVE", "b", "m", True, None),
    "an end-company of two owners": (4, "msp-b", "e-1", None, "One", "msp-b", None, "m", None, None),
    "an agent without an id": (2, "msp-a", None, 0, "Nobody", "CONVERSATIONAL", None, None, None, None),
    "a channel without an id": (3, "msp-a", "", 12, "msp-a", "ACTIVE", "b", "m", True, None),
    "a channel without an owner": (3, " ", "c-4", 12, None, "ACTIVE", "b", "m", True, None),
    "a channel without an agent": (3, "msp-a", "c-4", -1, "msp-a", "ACTIVE", "b", "m", True, None),
    "an end-company without an id": (4, "msp-a", "\u3000", None, "None", "msp-a", None, "m", None, None),
}


@pytest.mark.parametrize("row", _CONTRADICTORY.values(), ids=_CONTRADICTORY)
@pytest.mark.parametrize("place", range(len(FOUND) + 1))
def test_a_row_that_makes_no_sense_is_told_of_wherever_it_comes(row: tuple[object, ...], place: int) -> None:
    found = FoundRows(ASKED)
    for one in [*FOUND[:place], row, *FOUND[place:]]:
        found.add([one])
    with pytest.raises(ValueError, match=r"makes no sense|two kinds|not asked for"):
        found.rows()


_NOT_ASKED_FOR = {
    "a tenant": (1, "msp-b", "msp-a", *[None] * 7),
    "a tenant for nothing": (1, "msp-a", *[None] * 8),
    "an agent": (2, "msp-a", None, 14, "Another", "CONVERSATIONAL", None, None, None, None),
    "a managed agent": (2, "msp-b", "msp-a", 14, "Another", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    "an agent without the key": (2, "msp-a", "msp-a", 14, "Another", "CONVERSATIONAL", None, None, None, None),
    "an own channel": (3, "msp-b", "c-3", 12, "msp-a", "ACTIVE", "b", None, True, None),
    "a channel of another": (3, "msp-b", "c-3", 12, None, "ACTIVE", "b", None, True, None),
    "a channel of another bot": (3, "msp-a", "c-3", 12, "msp-a", "ACTIVE", "B", None, True, None),
    "an installation for another": (3, "msp-a", "c-3", 12, None, "ACTIVE", "b", "M", True, None),
    "an installation on a standard channel": (3, "msp-a", "c-3", 12, None, "ACTIVE", "b", "m", False, None),
    "a link of another": (4, "msp-b", "e-4", None, "Four", "msp-a", None, "m", None, None),
    "a link to another": (4, "msp-a", "e-4", None, "Four", "msp-a", None, "M", None, None),
    "a bot": (5, None, None, None, None, None, "B", None, True, None),
    "a truth value that is none": (5, None, None, None, None, None, "b", None, 1.0, None),
    "a second marker": (0, "msp-a", *[None] * 8),
}


@pytest.mark.parametrize("row", _NOT_ASKED_FOR.values(), ids=_NOT_ASKED_FOR)
def test_a_row_that_was_not_asked_for_makes_no_sense(row: tuple[object, ...]) -> None:
    found = FoundRows(ASKED)
    found.add([row])
    with pytest.raises(ValueError, match=r"makes no sense|not asked for"):
        found.rows()


class Impostor(str):
    """What a host's loader might make of a text: it takes itself for what was asked for."""

    __slots__ = ()

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


_IMPOSTORS = {
    "a tenant": (1, Impostor("x"), "msp-a", *[None] * 7),
    "a managed agent": (2, Impostor("x"), "msp-a", 12, "Help desk", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    "the owner of a channel": (3, Impostor("x"), "c-1", 12, "msp-a", "ACTIVE", "b", None, True, None),
    "the bot of a channel": (3, "msp-a", "c-1", 12, "msp-a", "ACTIVE", Impostor("x"), None, True, None),
    "the M365 tenant of a channel": (3, "msp-a", "c-1", 12, "msp-a", "ACTIVE", "b", Impostor("x"), True, None),
    "the owner of a company": (4, Impostor("x"), "e-1", None, "One", "msp-a", None, "m", None, None),
    "the M365 tenant of a company": (4, "msp-a", "e-1", None, "One", "msp-a", None, Impostor("x"), None, None),
    "a bot": (5, None, None, None, None, None, Impostor("x"), None, True, None),
}


@pytest.mark.parametrize("row", _IMPOSTORS.values(), ids=_IMPOSTORS)
def test_what_takes_itself_for_what_was_asked_for_makes_no_sense(row: tuple[object, ...]) -> None:
    found = FoundRows(ASKED)
    found.add([row])
    with pytest.raises(ValueError, match=r"makes no sense|not asked for"):
        found.rows()


def test_what_was_found_is_a_slice() -> None:
    assert FoundRows(ASKED).rows().is_slice


def test_a_bot_is_known_by_whatever_channel_it_has() -> None:
    found = FoundRows(ASKED)
    found.add([(5, None, None, None, None, None, "b", None, False, None)])
    rows = found.rows()
    assert (set(rows.known_bots), set(rows.white_label_bots)) == ({"b"}, set())
