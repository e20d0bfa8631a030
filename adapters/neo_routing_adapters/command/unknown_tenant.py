"""A notice where a key or a link is made for a tenant that the directory in the same database does not show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from neo_routing_adapters.phrases import exactly

if TYPE_CHECKING:
    from sqlalchemy import Connection


def is_unknown(connection: Connection, tenant_id: str) -> bool:
    """Tell whether the database holds a directory that this role may read, and that shows no such tenant."""
    from sqlalchemy import func, select  # noqa: PLC0415  # it is there once a database is open

    from neo_routing_adapters.sql.schema import tenants  # noqa: PLC0415  # as above
    from neo_routing_adapters.sql.tables.relations_there import columns_there  # noqa: PLC0415  # as above

    if "id" not in columns_there(connection, tenants.name):
        return False
    if connection.dialect.name == "postgresql":  # where a statement without the right would end the transaction
        may_read = func.has_table_privilege(tenants.name, "SELECT")
        if not connection.scalar(select(may_read)):
            return False
    return connection.execute(select(tenants.c.id).where(tenants.c.id == tenant_id)).first() is None


def tell_of_unknown(tenant_id: str) -> None:
    """Write the notice to standard error; what was asked for is done all the same."""
    if sys.stderr is not None:
        notice = f"notice: the directory in this database shows no tenant {exactly(tenant_id)}"
        print(f"neo-routing: {notice}", file=sys.stderr, flush=True)
