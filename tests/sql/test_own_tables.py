"""The example of docs/views-on-your-tables.md, a host's own tables under views, does what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, make_url

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    EndCompany,
    ManagedAgentKey,
    RowsNeeded,
    SessionRequest,
    Tenant,
    decide,
    decide_many,
)
from neo_routing_adapters.command import main
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.tables.check import Severity, check
from tests.programs.databases.query_plans import scans

PAGE = Path(__file__).parents[2] / "docs" / "views-on-your-tables.md"
SECTION = PAGE.read_text("utf-8").partition("\n## The six relations\n")[2].partition("\n## ")[0]
TABLES, VIEWS, INDEXES = re.findall(r"^```sql\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
INDEX_BY_INDEX = re.findall(r"^create index .*;$", INDEXES, re.MULTILINE)

MSPS = 3000
NOBODY = -1
"""An MSP, a bot and an organisation with this number are nowhere."""


class Host:
    """Rows of the host's tables, and the same as a directory in memory.

    Half of the MSPs share one bot, on branded apps. At some of them an app is paused, an assistant is gone, a client is
    not linked, or two are. Organisations are written in capitals.
    """

    def __init__(self, msps: int) -> None:
        numbers = range(1, msps + 1)
        self.rows: dict[str, list[tuple[Any, ...]]] = {
            "msp": [(_msp(n), f"MSP {n}") for n in numbers],
            "assistant": [row for n in numbers for row in _assistants(n)],
            "teams_app": [
                (
                    n,
                    _msp(n),
                    3 * n if n % 11 else 3 * n + 3,
                    _bot(n),
                    _paused(n),
                    n % 2 == 0,
                    [None, True, False][n % 3],
                )
                for n in numbers
            ],
            "teams_app_organisation": [
                (n, _written(organisation)) for n in numbers for organisation in {n, max(n - n % 13, 1)}
            ],
            "client": [(2 * n + side, _msp(n), f"Client {n}") for n in numbers for side in (0, 1)],
            "client_organisation": [
                (2 * n + side, _written(n)) for n in numbers for side in range((n % 5 > 0) + (n % 7 == 0))
            ],
        }

    def directory(self) -> MemoryDirectory:
        """Say the same in the words of the library."""
        installed, linked = _grouped(self.rows["teams_app_organisation"]), _grouped(self.rows["client_organisation"])
        return MemoryDirectory(
            tenants=(Tenant(id=str(msp), name=name) for msp, name in self.rows["msp"]),
            agents=(
                Agent(
                    id=number,
                    tenant_id=str(msp),
                    name=title,
                    kind=AgentKind.CONVERSATIONAL if mode == "chat" else AgentKind.TRIGGERED,
                    managed_key=ManagedAgentKey.NEO_SUPPORT if is_support else None,
                )
                for number, msp, title, mode, is_support in self.rows["assistant"]
            ),
            channels=(
                Channel(
                    id=str(number),
                    tenant_id=str(msp),
                    agent_id=assistant,
                    bot_id=str(bot),
                    status=ChannelStatus.DISCONNECTED if paused else ChannelStatus.ACTIVE,
                    white_label=branded,
                    installed_m365_tenant_ids=installed.get(number, frozenset()),
                    show_agent_progress_steps=show,
                )
                for number, msp, assistant, bot, paused, branded, show in self.rows["teams_app"]
            ),
            end_companies=(
                EndCompany(
                    id=str(number), tenant_id=str(msp), name=label, m365_tenant_ids=linked.get(number, frozenset())
                )
                for number, msp, label in self.rows["client"]
            ),
        )


def _msp(number: int) -> UUID:
    return UUID(int=(1 << 100) + number)


def _bot(number: int) -> UUID:
    """Return the bot of an MSP's app: every second has the same."""
    return UUID(int=(2 << 100) + (0 if number % 2 == 0 else number))


def _organisation(number: int) -> str:
    return str(UUID(int=(0xABCDEF << 100) + number))


def _written(number: int) -> str:
    """Return an organisation as the portal writes it."""
    return _organisation(number).upper()


def _paused(number: int) -> datetime | None:
    return None if number % 3 else datetime(2026, 1, 1, tzinfo=UTC)


def _assistants(number: int) -> Iterator[tuple[Any, ...]]:
    msp = _msp(number)
    yield 3 * number, msp, "Help desk", "chat", False
    yield 3 * number + 1, msp, "Support", "automation" if number % 17 == 0 else "chat", number % 19 > 0
    yield 3 * number + 2, msp, "Nightly", "automation", False


def _grouped(rows: list[tuple[Any, ...]]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for number, organisation in rows:
        found.setdefault(number, set()).add(organisation)
    return {number: frozenset(organisations) for number, organisations in found.items()}


def _cases(msps: int) -> Iterator[tuple[Caller, SessionRequest]]:
    platform = Caller(CallerKind.PLATFORM, str(_msp(1)))
    for number in (*range(1, 90), msps, NOBODY):
        for bot, organisation in product((_bot(number), _bot(0), _bot(1), None), (number, number + 1, None)):
            yield (
                platform,
                SessionRequest(
                    managed_agent_key=ManagedAgentKey.NEO_SUPPORT,
                    client_id=str(_msp(number)) if number != NOBODY else "nobody",
                    bot_id=None if bot is None else str(bot).upper(),
                    m365_tenant_id=None if organisation is None else "{" + _written(organisation) + "}",
                ),
            )
        user = Caller(CallerKind.USER, str(_msp(max(number, 1))))
        yield user, SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)
        yield from (
            (user, SessionRequest(agent_id=agent_id)) for agent_id in (3 * number, 3 * number + 2, 3 * number + 5)
        )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def _make(engine: Engine, host: Host, *, views: str = VIEWS, indexes: str = INDEXES) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLES)
        connection.exec_driver_sql(views)
        for table, rows in host.rows.items():
            places = ", ".join(["%s"] * len(rows[0]))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", rows)
        connection.exec_driver_sql(indexes)


def _errors(engine: Engine) -> list[str]:
    return [str(finding) for finding in check(engine) if finding.severity is Severity.ERROR]


def test_the_check_says_that_nothing_is_wrong_and_decisions_are_those_in_memory(engine: Engine) -> None:
    host = Host(200)
    _make(engine, host)
    assert _errors(engine) == []
    cases, memory, directory = [*_cases(200)], host.directory(), SqlDirectory(engine, deadline=60)
    expected = [decide(*case, memory) for case in cases]
    assert [decide(*case, directory) for case in cases] == expected
    assert decide_many(cases, directory) == expected
    assert len({_answer(decision) for decision in expected}) == 14, "all 18, but those that the request alone decides"


def _answer(decision: Decision) -> str:
    return str(decision.result.map(lambda target: target.outcome).value_or(None) or decision.result.failure().code)


def test_at_thousands_of_rows_indexes_alone_serve_a_decision(engine: Engine) -> None:
    _make(engine, Host(MSPS))
    assert _errors(engine) == []
    with engine.connect() as connection:
        for needed in _needed():
            assert scans(connection, [needed]) == scans(connection, [needed], generic=True) == []
            assert scans(connection, [needed, needed]) == []


def _needed() -> Iterator[RowsNeeded]:
    support = ManagedAgentKey.NEO_SUPPORT
    for number in (1, 2, MSPS, NOBODY):
        tenant_id, organisation = str(_msp(number)) if number != NOBODY else "nobody", _organisation(number)
        yield tenant_id, 3 * number, None, None, None
        yield tenant_id, None, support, None, None
        for bot in (_bot(number), _bot(0)):
            yield tenant_id, None, support, str(bot), None
            yield tenant_id, None, support, str(bot), organisation


@pytest.mark.parametrize("left_out", INDEX_BY_INDEX)
@pytest.mark.parametrize("msps", [3, 500])
def test_the_check_finds_each_index_that_is_left_out(engine: Engine, left_out: str, msps: int) -> None:
    _make(engine, Host(msps), indexes=INDEXES.replace(left_out, ""))
    table = left_out.removeprefix("create index on ").partition(" ")[0]
    errors = _errors(engine)
    assert errors
    assert all(table in error for error in errors), errors


def test_a_view_that_forgets_to_lower_widens_a_session_and_the_check_finds_that(engine: Engine) -> None:
    host = Host(20)
    _make(engine, host, views=VIEWS.replace("lower(organisation)", "organisation"))
    platform = Caller(CallerKind.PLATFORM, str(_msp(1)))
    request = SessionRequest(
        managed_agent_key=ManagedAgentKey.NEO_SUPPORT,
        client_id=str(_msp(4)),
        bot_id=str(_bot(4)),
        m365_tenant_id=_organisation(2),
    )
    assert _answer(decide(platform, request, host.directory())) == "white_label_channel"
    assert _answer(decide(platform, request, SqlDirectory(engine))) != "white_label_channel"
    assert any("is not in normal form" in error for error in _errors(engine))


def test_a_search_path_without_the_relations_is_said_to_be_one(
    database_url: str, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    _make(engine, Host(3))
    assert main(["db", "export", database_url]) == 0
    assert main(["db", "export", f"{database_url}?options=-csearch_path%3Dnowhere"]) == 2
    told = "routing_end_company_link on the search path; mend that, deliver the views, or make the tables with: "
    assert told in capfd.readouterr().err


@pytest.mark.parametrize("wrong", ["user", "database"])
def test_a_server_that_answers_and_refuses_is_exit_status_2(
    database_url: str, capfd: pytest.CaptureFixture[str], wrong: str
) -> None:
    url = make_url(database_url)
    url = url.set(username="nobody") if wrong == "user" else url.set(database="nowhere")
    assert main(["db", "check", url.render_as_string(hide_password=False)]) == 2
    assert " does not exist\n" in capfd.readouterr().err


def test_each_index_of_the_example_is_left_out_once() -> None:
    assert len(INDEX_BY_INDEX) == INDEXES.count("create index") > 0
