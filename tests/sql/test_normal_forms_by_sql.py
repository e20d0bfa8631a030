"""The SQL for normal forms on docs/views-on-your-tables.md says what the library says, of any spelling."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text

from neo_routing import normal_bot_id, normal_m365_tenant_id

PAGE = Path(__file__).parents[2] / "docs" / "views-on-your-tables.md"
SECTION = PAGE.read_text("utf-8").partition("\n## Normal forms, by SQL\n")[2].partition("\n## ")[0]
FUNCTIONS, COLUMNS, ON_SQLITE = re.findall(r"^```sql\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
PYTHON = re.search(r"^```python\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
BLANKS = [chr(code) for code in range(1, 0x3001) if chr(code).isspace()]

GUID = "6F0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
CORES = [
    "",
    "bot",
    "Contoso.Example",
    GUID,
    GUID.replace("-", ""),
    GUID.replace("-", "", 2),
    f"-{GUID}-",
    f"-{GUID.replace('-', '')}",
    "-".join(GUID.replace("-", "")),
    GUID[1:],
    GUID + "0",
    GUID.replace("6", "g", 1),
    GUID.replace("-", "\u2011"),
    GUID.replace("6", "\uff16"),
    "---",
    "\u0130STANBUL",
    "\u212aELVIN",
    "\u00c9\u00df",
    "a\nb",
    "%_\\'\"",
    "\U0001f600",
]
PREFIXES = [
    "28:",
    "28:28:",
    "28: 28:orgid:",
    "28:gcch-global:",
    "28:DOD-Global:",
    "28:OrgId:",
    "28:GCCH:",
    "28:dod:",
    "28:dod-glob\u0430l:",
    "28:gcch",
    "28:\u0130",
    "28:org\u0131d:",
    "29:",
    "orgid:",
    "urn:uuid:",
]
WRAPPED = [
    "{%s}",
    "{%s",
    "%s}",
    "{{%s}}",
    " {%s}\t",
    "{ %s }",
    "\u2003%s\u3000",
    "\u200b%s",
    "\ufeff%s",
    "%s\n",
    "(%s)",
    "}%s{",
]
PIECES = st.sampled_from([*CORES, *PREFIXES, "{", "}", "-", *BLANKS, "\u200b", "K"])
SPELLINGS = st.lists(PIECES, max_size=7).map("".join) | st.text(st.characters(exclude_characters="\0", codec="utf-8"))


def spellings() -> Iterator[str]:
    """Yield every core in every wrapping behind every prefix, and in every order."""
    for wrapping, core, prefix in product(["%s", *WRAPPED], CORES, ["", *PREFIXES]):
        yield prefix + wrapping.replace("%s", core)
        yield wrapping.replace("%s", prefix + core)
    for blank in BLANKS:
        yield f"{blank}28:{blank}{{{blank}{GUID}{blank}}}{blank}"


@pytest.fixture
def postgresql(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.connection.cursor().execute(FUNCTIONS)  # it holds per cent signs
        connection.exec_driver_sql("CREATE TABLE installed_app (number integer, bot text, organisation text)")
        connection.exec_driver_sql("INSERT INTO installed_app VALUES (0, '28:{Bot}', ' {M}')")
        connection.exec_driver_sql(COLUMNS)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    assert PYTHON is not None
    engine_of = PYTHON[1].replace("sqlite:///host.sqlite", f"sqlite:///{tmp_path / 'host.sqlite'}")
    namespace: dict[str, Any] = {}
    exec(engine_of, namespace)
    engine: Engine = namespace["host_engine"]
    with engine.begin() as connection:
        for statement in ON_SQLITE.split(";"):
            connection.exec_driver_sql(statement)
    yield engine
    engine.dispose()


def normal_forms(engine: Engine, some: list[str]) -> list[tuple[str, str]]:
    """Store what was written, and return what the database has made of it."""
    column = "number" if engine.dialect.name == "postgresql" else "app_id"
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM installed_app"))
        connection.execute(
            text(f"INSERT INTO installed_app ({column}, bot, organisation) VALUES (:number, :spelling, :spelling)"),
            [{"number": number, "spelling": spelling} for number, spelling in enumerate(some)],
        )
        rows = connection.execute(text(f"SELECT bot_id, m365_tenant_id FROM installed_app ORDER BY {column}")).all()
        return [(row.bot_id, row.m365_tenant_id) for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


def test_what_a_database_makes_of_a_spelling_is_what_the_library_makes_of_it(engine: Engine) -> None:
    some = [*spellings()]
    expected = [(normal_bot_id(spelling), normal_m365_tenant_id(spelling)) for spelling in some]
    found = normal_forms(engine, some)
    differing = [
        (spelling, one, other) for spelling, one, other in zip(some, found, expected, strict=True) if one != other
    ]
    assert differing == []


def test_that_holds_of_generated_spellings_too(engine: Engine) -> None:
    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(SPELLINGS, min_size=1, max_size=60))
    def holds(some: list[str]) -> None:
        assert normal_forms(engine, some) == [
            (normal_bot_id(spelling), normal_m365_tenant_id(spelling)) for spelling in some
        ]

    holds()


def test_on_postgresql_the_functions_need_no_search_path(postgresql: Engine) -> None:
    with postgresql.begin() as connection:
        connection.exec_driver_sql("SET LOCAL search_path = ''")
        connection.exec_driver_sql("INSERT INTO public.installed_app VALUES (1, '28:{Bot}', NULL)")
        found = connection.exec_driver_sql("SELECT bot_id, m365_tenant_id FROM public.installed_app ORDER BY number")
        assert found.all() == [("bot", "m"), ("bot", None)]


def test_on_sqlite_who_does_not_know_the_function_can_read_and_not_write(sqlite: Engine) -> None:
    with sqlite.begin() as connection:
        connection.exec_driver_sql("INSERT INTO installed_app VALUES (1, '28:{Bot}', 'M')")
    reader = sqlite3.connect(str(sqlite.url.database))
    assert reader.execute("SELECT app_id FROM installed_app WHERE bot_id = 'bot'").fetchall() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="unknown function: normal_"):
        reader.execute("INSERT INTO installed_app VALUES (2, 'b', 'm')")
    reader.close()
