"""The tables of the endpoint, which stand beside a directory's tables or a host's views, and their names and types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, DateTime, Dialect, MetaData, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from neo_routing.well_formed import LONGEST_ID

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared byte for byte, on PostgreSQL as in SQLite, whatever the locale of the database.
TEXT: Final[TypeEngine[str]] = Text().with_variant(Text(collation="C"), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC: PostgreSQL has a type for it, SQLite has text that sorts as time passes."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column."""
        column: TypeEngine[Any] = DateTime(timezone=True) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(column)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Return what is stored. Raises `ValueError` for a time without a zone, which could be anybody's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs a time zone")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """Return what was stored. Raises `ValueError` for what is no point in time."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError(f"{dialect.name} delivers no point in time")
        return moment.astimezone(UTC)


def not_blank(column: str) -> CheckConstraint:
    """Say that it is an id: not empty, and no longer than one may be."""
    return CheckConstraint(f"{column} <> '' AND length({column}) <= {LONGEST_ID}", name=column)
