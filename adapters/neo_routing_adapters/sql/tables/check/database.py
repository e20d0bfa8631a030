"""Verifies that a database delivers what the adapter needs: tables of ours, or views on a host's."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from sqlalchemy import Connection, Engine

from neo_routing_adapters.sql.tables.check.comparisons import comparison_findings
from neo_routing_adapters.sql.tables.check.plans import plan_findings
from neo_routing_adapters.sql.tables.check.references import reference_findings
from neo_routing_adapters.sql.tables.check.refusals import refusal_findings
from neo_routing_adapters.sql.tables.check.rows import row_findings
from neo_routing_adapters.sql.tables.check.sessions import session_findings
from neo_routing_adapters.sql.tables.check.snapshot import snapshot_findings
from neo_routing_adapters.sql.tables.check.structure import form_findings, structure_findings, version_findings
from neo_routing_adapters.sql.tables.clashes import CLASHES
from neo_routing_adapters.sql.tables.findings import Finding
from neo_routing_adapters.sql.tables.our_tables import require_utf8
from neo_routing_adapters.sql.tables.transactions import reading


def check(engine: Engine, progress: Callable[[str], object] = lambda _relation: None) -> Generator[Finding, None, None]:
    """Yield all that is wrong or worth a notice, on one snapshot; what the progress is told is looked at next.

    The structure comes first, and unless it is sound nothing else is looked at: columns, and the index for each look-up
    by the plan of the statements themselves. Then every row, and what rows say of each other. Raises
    `NotUtf8`, and the errors of SQLAlchemy and of the driver. It holds a connection until it is exhausted or closed.

    >>> from sqlalchemy import create_engine
    >>> engine = create_engine("sqlite://")
    >>> for finding in list(check(engine))[:1]:
    ...     print(finding)
    error: routing_tenant: is missing
    >>> engine.dispose()
    """
    with reading(engine) as connection:
        progress("structure")
        require_utf8(connection)
        yield from version_findings(connection)
        for look in (form_findings, structure_findings, comparison_findings):
            unsound = [*look(connection)]
            yield from unsound
            if unsound:
                return
        yield from _content_findings(connection, progress)


def _content_findings(connection: Connection, progress: Callable[[str], object]) -> Iterator[Finding]:
    yield from snapshot_findings(connection)
    yield from session_findings(connection)
    yield from plan_findings(connection)
    yield from row_findings(connection, progress)
    yield from reference_findings(connection, progress)
    yield from refusal_findings(connection, progress)
    progress("clashes")
    for clash in CLASHES:
        yield from clash.find(connection)
