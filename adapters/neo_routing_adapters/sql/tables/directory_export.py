"""Reads the whole content of the relations: as the value, or, without holding it, as the text of a directory document.

That text stays the same and reads in a diff: rows are sorted by their ids, a line each, in normal form; a key is left
out where that means the same. No other columns are read than the adapter reads, so it works on a host's views too.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, TypeAlias

from attrs import NOTHING, fields, frozen
from sqlalchemy import Boolean, Column, ColumnElement, Connection, Engine, Select, Table, null, select, type_coerce

from neo_routing import Agent, Channel, EndCompany, Rows, Tenant, content_of
from neo_routing.complaints import IllFormed
from neo_routing.plain_data.directories import row_data
from neo_routing.printable import is_printable
from neo_routing_adapters.sql.schema import RELATIONS, agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.row_security import require_all_rows
from neo_routing_adapters.sql.tables.transactions import reading, streamed

_ModelRow: TypeAlias = Tenant | Agent | Channel | EndCompany
_UNDERSTOOD: Final[Mapping[str, Any]] = {
    column.name: [] if column.default == frozenset() else column.default
    for row_type in (Agent, Channel, EndCompany)
    for column in fields(row_type)
    if column.name != "name" and column.default is not NOTHING
}
"""What a key means that a document leaves out; a name that is left out is the id."""


class IllFormedRow(ValueError):
    """A row that no directory document can hold; `neo-routing db check` lists them all."""


@frozen
class List:
    """One of the four lists of a document: where its rows stand, and where the M365 tenants of each."""

    row_type: type[_ModelRow]
    table: Table
    m365_tenants: Table | None = None
    m365_tenants_key: str = ""


LISTS: Final[Mapping[str, List]] = {
    "tenants": List(Tenant, tenants),
    "agents": List(Agent, agents),
    "channels": List(Channel, channels, installations, "installed_m365_tenant_ids"),
    "end_companies": List(EndCompany, end_companies, links, "m365_tenant_ids"),
}


def export_directory(engine: Engine) -> Generator[str, None, None]:
    """Yield a directory document piece by piece; all of it is of one snapshot.

    Raises `IllFormedRow`, before anything is yielded `RowsHidden`, and the errors of SQLAlchemy and of the driver. It
    holds a connection until it is exhausted or closed.

    >>> from sqlalchemy import create_engine
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> _ = upgrade(engine)
    >>> with engine.begin() as connection:
    ...     _ = connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-a', 'MSP A')")
    >>> print("".join(export_directory(engine)))
    {
    "tenants": [
    {"id": "msp-a", "name": "MSP A"}
    ],
    "agents": [],
    "channels": [],
    "end_companies": []
    }
    <BLANKLINE>
    >>> engine.dispose()
    """
    with reading(engine) as connection:
        require_all_rows(connection)
        before = "{\n"
        for name, one in LISTS.items():
            yield f'{before}"{name}": ['
            yield from _list_text(one, connection)
            before = ",\n"
        yield "\n}\n"


def stored_content(engine: Engine) -> Rows:
    """Return the whole directory that is stored, of one snapshot.

    Raises `IllFormedRow`, `InvalidDirectory`, `RowsHidden`, and the errors of SQLAlchemy and of the driver.

    >>> from sqlalchemy import create_engine
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> _ = upgrade(engine)
    >>> stored_content(engine) == content_of()
    True
    >>> engine.dispose()
    """
    with reading(engine) as connection:
        require_all_rows(connection)
        rows: dict[str, Any] = {name: model_rows(one, connection) for name, one in LISTS.items()}
        return content_of(**rows)


def _list_text(one: List, connection: Connection) -> Iterator[str]:
    before = "\n"
    for row in model_rows(one, connection):
        yield before + _line(row)
        before = ",\n"
    yield "]" if before == "\n" else "\n]"


def _line(row: _ModelRow) -> str:
    values = row_data(row)
    said = {name: value for name, value in values.items() if not _is_understood(name, value, values)}
    line = json.dumps(said, ensure_ascii=False)
    return line if is_printable(line) else json.dumps(said)


def _is_understood(name: str, value: Any, values: dict[str, Any]) -> bool:
    """Tell whether the value is what a document means that leaves it out."""
    if name == "name":
        return bool(value == str(values["id"]))
    return name in _UNDERSTOOD and bool(value == _UNDERSTOOD[name])


def model_rows(one: List, connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[_ModelRow]:
    """Yield the rows of a list, or those of which the conditions hold. Raises `IllFormedRow`."""
    collation = "C" if connection.dialect.name == "postgresql" else "BINARY"
    stored = streamed(connection, _query(one, collation).where(*conditions))
    last_id: object = None
    for values, group in groupby(stored, key=lambda row: row[:-1]):
        said = dict(zip(RELATIONS[one.table.name], values, strict=True))
        if said["id"] == last_id:
            raise IllFormedRow(f"{one.table.name} {last_id!r}: id is there twice")
        last_id = said["id"]
        if one.m365_tenants is not None:
            said[one.m365_tenants_key] = [row[-1] for row in group if row[-1] is not None]
        yield _model_row(one, said)


def _model_row(one: List, said: dict[str, Any]) -> _ModelRow:
    try:
        return one.row_type(**said)
    except IllFormed as error:
        raise IllFormedRow(f"{one.table.name} {said['id']!r} is not well-formed: a value {error.words}") from error


def _query(one: List, collation: str) -> Select[*tuple[Any, ...]]:
    columns = [_plain(one.table.c[name]) for name in RELATIONS[one.table.name]]
    row_id = one.table.c.id
    in_order = row_id if one.table is agents else row_id.collate(collation)
    if one.m365_tenants is None:
        return select(*columns, null()).order_by(in_order)
    owner_id, m365_tenant_id, *_ = one.m365_tenants.c
    joined = one.table.outerjoin(one.m365_tenants, owner_id == row_id)
    return select(*columns, m365_tenant_id).select_from(joined).order_by(in_order)


def _plain(column: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(column, Boolean()) if isinstance(column.type, Boolean) else column
