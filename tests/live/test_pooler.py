"""Through a real PgBouncer, which gives each transaction another connection, a directory polls alone."""

from __future__ import annotations

from sqlalchemy import create_engine, make_url

from neo_routing_adapters.live import LiveDirectory
from neo_routing_adapters.sql import SqlDirectoryWriter, change_token
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.directory_export import stored_content
from tests.programs.databases.administered import COMPANY, TENANTS, upgraded
from tests.programs.servers.pgbouncer import pgbouncer_or_skip
from tests.programs.servers.postgres_server import PostgresServer

AMPLE = 60.0


def test_behind_a_pooler_it_polls_alone(database_url: str, postgres: PostgresServer) -> None:
    pooler = pgbouncer_or_skip(postgres, 1)  # so that each transaction could be told of all others
    with pooler, upgraded(database_url) as engine:
        follow.install(engine)
        through = create_engine(make_url(database_url).set(port=pooler.port))
        with LiveDirectory(through, max_staleness=AMPLE, poll=0.02) as directory:
            directory.wait_until_ready(AMPLE)
            assert not directory.status().is_nudged
            for row in (*TENANTS, COMPANY):
                with through.begin() as connection:
                    writer = SqlDirectoryWriter(connection)
                    writer.put_end_company(row) if row is COMPANY else writer.put_tenant(row)
                    token = change_token(connection)
                directory.wait_until(token, AMPLE)
                assert directory.look_up(()) == stored_content(engine)
            with through.connect() as connection:  # the others whom the pooler gives it are told of nothing
                assert connection.exec_driver_sql("SELECT count(*) FROM pg_listening_channels()").scalar() == 0
            assert directory.status().loads == 1
        through.dispose()
