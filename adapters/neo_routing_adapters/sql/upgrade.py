"""How a host brings its tables to the version that this library needs, where `neo-routing db upgrade` does not."""

from neo_routing_adapters.sql.tables.upgrade import upgrade

__all__ = ["upgrade"]
