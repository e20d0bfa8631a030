"""The migrations of the endpoint's tables, for Alembic."""
