"""What is written of the statements, for each combination of keys that occurs: it stands in `statements/`, to be read.

A file has one clause a line, and `@` for what identifies the text. After a change that is meant, write them anew, and
read what has changed:

    python tests/sql/test_statement_texts.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import make_url

from neo_routing import ManagedAgentKey, RowsNeeded
from neo_routing_adapters.sql.look_up.evidence import MARKED
from neo_routing_adapters.sql.look_up.statements import Statements

FOLDER: Final = Path(__file__).with_name("statements")
KEY: Final = ManagedAgentKey.NEO_SUPPORT
ONE: Final[dict[str, RowsNeeded]] = {
    "tenant": ("msp-a", None, None, None, None),  # what else was asked about, no directory could hold
    "agent": ("msp-a", 12, None, None, None),
    "managed_key": ("msp-a", None, KEY, None, None),
    "managed_key_bot": ("msp-a", None, KEY, "bot", None),
    "managed_key_bot_m365_tenant": ("msp-a", None, KEY, "bot", "m365"),
}
MANY: Final[dict[str, list[RowsNeeded]]] = {
    **{name: [needed, needed] for name, needed in ONE.items()},
    **{f"agent_{name}": [ONE["agent"], needed] for name, needed in ONE.items() if KEY in needed},
}
DIALECTS: Final = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}


def statements_of(driver: str) -> Statements:
    return Statements(make_url(f"{driver}://").get_dialect()())


def texts_of(driver: str) -> Iterator[tuple[str, str]]:
    statements = statements_of(driver)
    written = {f"one_by_{name}": statements.for_one(needed) for name, needed in ONE.items()}
    written |= {f"many_by_{name}": statements.for_many(needed) for name, needed in MANY.items()}
    for name, statement in written.items():
        assert statement.marker.digest is not None
        yield name, statement.sql.replace(statement.marker.digest, MARKED)


TEXTS: Final = {
    FOLDER / dialect / f"{name}.sql": sql for dialect, driver in DIALECTS.items() for name, sql in texts_of(driver)
}
_CLAUSES: Final = re.compile(
    r"(?<!OUTER)(?<!CROSS)(?<!DISTINCT)\s+(?=(?:UNION|SELECT|FROM|LEFT|CROSS|JOIN|WHERE|ORDER BY|LIMIT)\b)"
)


def in_lines(sql: str) -> str:
    """Write a clause a line, as deep as its parentheses are: nothing but white space changes."""
    lines, depth = [], 0
    for clause in _CLAUSES.split(sql):
        lines.append("    " * depth + " ".join(clause.split()))
        depth += clause.count("(") - clause.count(")")
    return "\n".join(lines) + "\n"


def in_one_line(sql: str) -> str:
    return " ".join(sql.split())


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_written_is_what_stands_in_its_file(path: Path) -> None:
    assert in_one_line(path.read_text(encoding="utf-8")) == in_one_line(TEXTS[path])


def test_there_is_a_file_for_each_text_and_no_other() -> None:
    assert {*FOLDER.rglob("*.sql")} == {*TEXTS}


def test_a_text_differs_by_driver_in_how_arguments_are_taken_alone() -> None:
    def without_arguments(sql: str) -> str:
        return re.sub(r"%\(\w+\)s|\$\d+", "?", sql)

    by_psycopg = [without_arguments(sql) for _, sql in texts_of("postgresql+psycopg")]
    for driver in ("postgresql+psycopg_async", "postgresql+asyncpg"):
        assert [without_arguments(sql) for _, sql in texts_of(driver)] == by_psycopg
    assert [*texts_of("sqlite+aiosqlite")] == [*texts_of("sqlite")]


def write() -> None:
    for path in {*FOLDER.rglob("*.sql")} - {*TEXTS}:
        path.unlink()
    for path, sql in TEXTS.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(in_lines(sql), encoding="utf-8")


if __name__ == "__main__":
    write()
