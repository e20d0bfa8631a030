"""Which tables a statement reads from end to end, by the plans of SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from sqlalchemy import Connection

# What may be scanned: the statement's own intermediate result, an array of keys, and what is no table. An index that is
# made for the occasion is a scan too; and by a truth value alone, half of the table is no better than all of it.
_SCAN: Final = re.compile(
    r"SCAN (?!channel$|CONSTANT ROW|\(|.* VIRTUAL TABLE )(?:TABLE )?(\S+)"
    r"|SEARCH (\S+) USING (?:AUTOMATIC|.*\(white_label=\?\)$)"
)


@contextmanager
def tables_read_on_sqlite(connection: Connection) -> Iterator[Callable[[str, Any], Iterator[str]]]:
    """Give what yields the tables that a statement, with its arguments, would read from end to end.

    The plans are those for an empty copy without statistics: of a table that it knows to be small, SQLite rightly reads
    all, and so hides that an index is missing.
    """
    schema = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    with closing(sqlite3.connect(":memory:")) as copy:
        for (statement,) in schema.all():
            copy.execute(statement)

        def tables_read(sql: str, arguments: Any) -> Iterator[str]:
            for *_, step in copy.execute(f"EXPLAIN QUERY PLAN {sql}", arguments).fetchall():
                if scan := _SCAN.match(step):
                    yield scan[1] or scan[2]

        yield tables_read
