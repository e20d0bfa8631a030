"""Whether policies of PostgreSQL could hide rows: what is hidden looks like what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen
from sqlalchemy import Connection, text

from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister

# Who reads a table is the owner of the view on it, unless that says that it is its own reader. What a function reads is
# not in the catalogue, and a materialized view holds what it has been filled with.
_HIDING = text("""
    WITH RECURSIVE reached (relation, id, reader) AS (
        SELECT relation, to_regclass(relation)::oid, (SELECT oid FROM pg_roles WHERE rolname = current_user)
        FROM unnest(CAST(:relations AS text[])) AS relation
        UNION
        SELECT relation, refobjid, CASE
            WHEN 'true' IN (
                SELECT option_value::boolean::text FROM pg_options_to_table(reloptions)
                WHERE option_name = 'security_invoker')
            THEN (SELECT oid FROM pg_roles WHERE rolname = current_user)
            ELSE relowner END
        FROM reached
        JOIN pg_class ON pg_class.oid = id AND relkind = 'v'
        JOIN pg_rewrite ON ev_class = id AND ev_type = '1'
        JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
        WHERE refclassid = 'pg_class'::regclass AND refobjid <> id)
    SELECT DISTINCT relation, id::regclass::text, reader::regrole::text, owns
    FROM reached
    JOIN pg_class ON pg_class.oid = id AND relrowsecurity
    JOIN pg_roles ON pg_roles.oid = reader AND NOT (rolsuper OR rolbypassrls)
    CROSS JOIN LATERAL (SELECT pg_has_role(reader, relowner, 'USAGE') AS owns) AS ownership
    WHERE relforcerowsecurity OR NOT owns
    ORDER BY 1, 2""")


@frozen
class HidingTable:
    """A table whose rows a policy can hide from the role that reads it for a relation."""

    relation: str
    name: str
    reader: str
    is_its_owner: bool

    @property
    def complaint(self) -> str:
        """What is wrong, and how it is mended."""
        otherwise = (
            f"ALTER TABLE {self.name} NO FORCE ROW LEVEL SECURITY"
            if self.is_its_owner
            else f"deliver {self.relation} by a view that belongs to the owner of {self.name}"
        )
        return (
            f"row-level security of {self.name} can hide rows from {self.reader}, and a row that is hidden looks like "
            f"one that is not there: ALTER ROLE {self.reader} BYPASSRLS, or {otherwise}"
        )


class RowsHidden(CannotAdminister):
    """Policies can hide rows from this role, so what it reads need not be all there is."""

    def __init__(self, hiding: Sequence[HidingTable]) -> None:
        super().__init__(
            "policies can hide rows, and what is hidden would be taken for gone",
            [f"{table.relation}: {table.complaint}" for table in hiding],
        )


def hiding_tables(connection: Connection) -> Iterator[HidingTable]:
    """Yield each table with policies that apply to whoever reads it, for the relations and for views below them."""
    if connection.dialect.name == "postgresql":
        for found in connection.execute(_HIDING, {"relations": [*RELATIONS]}):
            yield HidingTable(*found)


def require_all_rows(connection: Connection) -> None:
    """Raise `RowsHidden` if a policy could hide rows of the relations from this role."""
    if hiding := [*hiding_tables(connection)]:
        raise RowsHidden(hiding)
