"""Administration is refused where a database cannot hold every id, or where a policy hides rows."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url

from neo_routing_adapters.command import main
from neo_routing_adapters.sql.tables.directory_export import export_directory
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.our_tables import NotUtf8
from neo_routing_adapters.sql.tables.row_security import RowsHidden
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.databases.administered import WORLD, upgraded
from tests.programs.databases.stored import store

CURE = "create the database with ENCODING 'UTF8'"


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def other_encoding(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The URL of an empty database in another encoding, whose name ends with that of the encoding."""
    url = make_url(postgres_url)
    name = f"neo_routing_{uuid4().hex}_{request.param.lower()}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{request.param}' LOCALE 'C' TEMPLATE template0")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("options", [{}, {"client_encoding": "utf8"}], ids=str)
def test_no_tables_are_made_in_an_encoding_that_cannot_hold_every_id(
    other_encoding: str, options: dict[str, str]
) -> None:
    engine = create_engine(other_encoding, connect_args=options)
    for administer in (upgrade, guard, lambda engine: import_directory(engine, WORLD.content)):
        with pytest.raises(NotUtf8, match=CURE) as raised:
            administer(engine)
        assert other_encoding.endswith(raised.value.encoding.lower())
    engine.dispose()


def test_the_command_names_the_encoding_and_the_cure(other_encoding: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "upgrade", other_encoding]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    assert CURE in line
    assert any(f"is {name}," in line for name in ("SQL_ASCII", "LATIN1"))


@pytest.fixture
def hiding(database_url: str) -> Iterator[Engine]:
    """A database where a policy hides an MSP from the role that administers it, which owns the tables."""
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        role = f"administrator_{uuid4().hex}"
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
            connection.exec_driver_sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
            connection.exec_driver_sql(f"ALTER TABLE routing_tenant OWNER TO {role}")
            connection.exec_driver_sql("ALTER TABLE routing_tenant ENABLE ROW LEVEL SECURITY")
            connection.exec_driver_sql("ALTER TABLE routing_tenant FORCE ROW LEVEL SECURITY")
            connection.exec_driver_sql("CREATE POLICY own ON routing_tenant USING (id = 'msp-b')")
        administrator = create_engine(make_url(database_url).set(username=role))
        yield administrator
        administrator.dispose()
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_an_export_of_rows_that_a_policy_hides_fails_and_is_not_a_part_of_them(hiding: Engine) -> None:
    with hiding.connect() as connection:
        assert len(connection.exec_driver_sql("SELECT * FROM routing_tenant").all()) == 1
    with pytest.raises(RowsHidden, match="policies can hide rows"):
        [*export_directory(hiding)]


def test_an_import_into_rows_that_a_policy_hides_fails(hiding: Engine) -> None:
    with pytest.raises(RowsHidden, match="policies can hide rows"):
        import_directory(hiding, WORLD.content)
