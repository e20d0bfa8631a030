"""How a database comes to have the tables of `neo_routing_adapters.sql.schema`, version by version."""
