"""What all our triggers on PostgreSQL have in common, whether they serve the endpoint's lock or the change log.

They fire in every session, and what they call stands beside the relations and runs as its owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SCHEMA_OF_RELATIONS: Final = """
    SELECT quote_ident(nspname) FROM pg_catalog.pg_class
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('routing_tenant')"""
"""A statement: where the functions stand."""


def function_made(name: str, body: str, *, sort: str = "RETURNS trigger LANGUAGE plpgsql") -> str:
    """Return what makes a function, or replaces the one that has its name.

    As its owner it writes what whoever changes the directory may not, and it finds nothing that he has put in the way.
    """
    how = f"{sort} SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    return f"CREATE OR REPLACE FUNCTION {name}() {how} AS $routing${body}$routing$"


def trigger_made(name: str, table: str, event: str, function: str, *, sort: str = "TRIGGER") -> Iterator[str]:
    """Yield what makes a trigger after an event on a table, in the place of the one that has its name."""
    yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
    yield f"CREATE {sort} {name} AFTER {event} EXECUTE FUNCTION {function}()"
    yield fired_always(name, table)


def fired_always(name: str, table: str) -> str:
    """Return what has a trigger fire in every session.

    One whose replication role is "replica", as bulk loads have it, changes the directory like any other.
    """
    return f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
