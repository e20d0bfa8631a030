"""The same directory in every way there is to build it is one value; and a database answers with slices of it."""

from __future__ import annotations

import copy
import json
import pickle
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from neo_routing import (
    Agent,
    AgentKind,
    Channel,
    ChannelStatus,
    EndCompany,
    Rows,
    RowsBuilder,
    RowsNeeded,
    Tenant,
    directory_data,
    directory_of,
)
from neo_routing.testing import World
from neo_routing.testing.contract_cases import all_needed
from neo_routing.testing.strategies import directories
from neo_routing_adapters.memory import read_directory
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.tables.directory_export import export_directory, stored_content
from neo_routing_adapters.sql.tables.directory_import import import_directory
from tests.programs.databases.administered import upgraded
from tests.programs.databases.stored import store
from tests.programs.fuzz.toml_text import toml_text

replace_all = partial(import_directory, allow_removals=True)


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        yield engine


def built_row_by_row(rows: Sequence[Any]) -> Rows:
    builder = RowsBuilder()
    for row in rows:
        match row:
            case Tenant():
                builder.add_tenant(row.id, row.name)
            case Agent():
                builder.add_agent(row.id, row.tenant_id, row.name, row.kind, row.managed_key)
            case Channel():
                own = (row.id, row.tenant_id, row.agent_id, row.white_label, row.show_agent_progress_steps)
                builder.add_channel(own, row.bot_id, row.status, row.installed_m365_tenant_ids)
            case EndCompany(m365_tenant_ids=frozenset() as linked):
                builder.add_end_company(row.tenant_id, row.id, row.name)
                for m365_tenant_id in sorted(linked):
                    builder.add_link(row.tenant_id, m365_tenant_id, row.id, row.name)
    return builder.rows(revision="built row by row")


def in_every_way(world: World, folder: Path, engine: Engine, chance: random.Random) -> Iterator[tuple[str, Rows]]:
    content = world.content
    rows = [*content]
    yield "another order", World(*(chance.sample(each, len(each)) for each in _lists(world))).content
    yield "row by row, in any order", built_row_by_row(chance.sample(rows, len(rows)))
    yield "its own rows", World.of(content).content
    yield "pickled", pickle.loads(pickle.dumps(content))  # our own
    yield "copied", copy.deepcopy(content)
    yield "plain data", directory_of(directory_data(content))
    for name, text in (("a.json", json.dumps(world.document())), ("a.toml", toml_text(world.document()))):
        (folder / name).write_text(text, encoding="utf-8")
        yield name, read_directory(folder / name).content
    replace_all(engine, content)
    yield "a database that it was imported into", exported(engine, folder)
    yield "the content of that database", stored_content(engine)
    store(engine, world)
    yield "a database that holds it", exported(engine, folder)


def _lists(world: World) -> tuple[Any, ...]:
    return world.tenants, world.agents, world.channels, world.end_companies


def exported(engine: Engine, folder: Path) -> Rows:
    (folder / "exported.json").write_text("".join(export_directory(engine)), encoding="utf-8")
    return read_directory(folder / "exported.json").content


def test_a_directory_is_the_same_value_however_it_was_built(engine: Engine, tmp_path: Path) -> None:
    @settings(max_examples=25, deadline=None)
    @given(directories(), st.randoms(use_true_random=False))
    def holds(world: World, chance: random.Random) -> None:
        content = world.content
        assert {*content} == {*world.tenants, *world.agents, *world.channels, *world.end_companies}
        assert len(content) == len([*content])
        for way, other in in_every_way(world, tmp_path, engine, chance):
            assert other == content, way
            assert [*other] == [*content], way

    holds()


def test_a_database_answers_with_what_the_slice_holds(engine: Engine) -> None:
    directory = SqlDirectory(engine)

    @settings(max_examples=25, deadline=None)
    @given(directories())
    def holds(world: World) -> None:
        store(engine, world)
        content, asked = world.content, all_needed(world)
        for needed in asked:
            assert directory.look_up([needed]).needed([needed]) == content.needed([needed])
        assert directory.look_up(asked).needed(asked) == content.needed(asked)

    holds()


FULL = World(
    [Tenant(id="msp-a", name="MSP A"), Tenant(id="msp-b")],
    [
        Agent(id=1, tenant_id="msp-a", name="One", kind=AgentKind.CONVERSATIONAL, managed_key="NEO_SUPPORT"),
        Agent(id=2, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key="NEO_SUPPORT"),
        Agent(id=3, tenant_id="msp-b", kind=AgentKind.TRIGGERED),
    ],
    [
        Channel(id="ch-1", tenant_id="msp-a", agent_id=1, bot_id="bot", installed_m365_tenant_ids=["m-1"]),
        Channel(id="ch-2", tenant_id="msp-a", agent_id=2, bot_id="bot", white_label=True),
        Channel(
            id="ch-3",
            tenant_id="msp-a",
            agent_id=2,
            bot_id="bot",
            status=ChannelStatus.DISCONNECTED,
            white_label=True,
            installed_m365_tenant_ids=["m-1"],
            show_agent_progress_steps=True,
        ),
    ],
    [
        EndCompany(id="co-1", tenant_id="msp-a", name="Contoso", m365_tenant_ids=["m-1", "m-2"]),
        EndCompany(id="co-2", tenant_id="msp-b", name="Fabrikam"),
    ],
)

CHANGED: list[tuple[str, int, dict[str, Any]]] = [
    ("tenants", 0, {"name": "MSP B"}),
    ("tenants", 1, {"id": "msp-c"}),
    ("agents", 0, {"name": "Two"}),
    ("agents", 0, {"kind": AgentKind.TRIGGERED}),
    ("agents", 1, {"managed_key": None}),
    ("agents", 2, {"tenant_id": "msp-a"}),
    ("agents", 2, {"managed_key": "NEO_SUPPORT"}),
    ("channels", 0, {"installed_m365_tenant_ids": ["m-2"]}),
    ("channels", 0, {"installed_m365_tenant_ids": []}),
    ("channels", 0, {"white_label": True}),
    ("channels", 1, {"agent_id": 1}),
    ("channels", 1, {"bot_id": "another"}),
    ("channels", 1, {"tenant_id": "msp-b"}),
    ("channels", 1, {"show_agent_progress_steps": False}),
    ("channels", 2, {"status": ChannelStatus.ACTIVE}),
    ("channels", 2, {"installed_m365_tenant_ids": ["m-1", "m-2"]}),
    ("end_companies", 0, {"name": "Contosa"}),
    ("end_companies", 0, {"m365_tenant_ids": ["m-1"]}),
    ("end_companies", 0, {"tenant_id": "msp-b"}),
    ("end_companies", 1, {"name": "Fabrikan"}),
    ("end_companies", 1, {"tenant_id": "msp-a"}),
    ("end_companies", 1, {"m365_tenant_ids": ["m-9"]}),
]


@pytest.mark.parametrize(("collection", "place", "change"), CHANGED, ids=str)
def test_whatever_a_directory_holds_makes_it_another(collection: str, place: int, change: dict[str, Any]) -> None:
    rows = [*getattr(FULL, collection)]
    rows[place] = evolve(rows[place], **change)
    other = evolve(FULL, **{collection: rows})
    if "id" in change:  # the rows of that tenant go with it
        other = evolve(other, agents=FULL.agents[:2], end_companies=FULL.end_companies[:1])
    assert other.content != FULL.content
    assert [*other.content] != [*FULL.content]


@pytest.mark.parametrize("collection", ["agents", "channels", "end_companies"])
def test_a_row_that_goes_makes_it_another(collection: str) -> None:
    for place in range(len(getattr(FULL, collection))):
        rows = [*getattr(FULL, collection)]
        del rows[place]
        assert evolve(FULL, **{collection: rows}).content != FULL.content


def test_rows_are_never_equal_to_what_is_none() -> None:
    assert FULL.content != [*FULL.content]
    assert (FULL.content == 7) is False


NOBODY: RowsNeeded = ("nobody", None, None, None, None)


def test_rows_are_an_answer_even_if_there_are_none() -> None:
    assert FULL.content.needed([NOBODY])
    assert len(FULL.content.needed([NOBODY])) == 0
