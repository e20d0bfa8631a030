"""Verifies that a database delivers what the adapter needs: tables of ours, or views on a host's."""

from neo_routing_adapters.sql.tables.check.database import check
from neo_routing_adapters.sql.tables.findings import Finding, Severity

__all__ = ["Finding", "Severity", "check"]
