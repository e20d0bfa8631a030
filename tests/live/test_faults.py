"""Whatever happens to the database, an answer is one that it gave within the bound, or there is none."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from neo_routing import DirectoryUnavailable, Tenant
from neo_routing_adapters.live import LiveDirectory, State
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.on_postgresql import PostgresSource
from neo_routing_adapters.live.source import MustLoad
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.tables import follow
from tests.programs.databases.administered import WORLD, upgraded
from tests.programs.databases.live_faults import FAULTS, befall, failed_over, scene
from tests.programs.databases.stored import store
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.thoroughness import first_always

AMPLE = 60.0


@pytest.mark.parametrize("fault", first_always([*FAULTS]))
def test_no_answer_is_older_than_it_may_be(postgres: PostgresServer, fault: str, thorough: bool) -> None:
    with scene(postgres, f"live_{uuid4().hex}") as set_up:
        for moment in (0.0, 0.1, 0.2) if thorough else (0.0,):
            befall(set_up, FAULTS[fault], moment)
        assert set_up.wrong == []
        assert set_up.answers > 10


@pytest.mark.thorough
def test_a_standby_that_is_promoted_with_loss_is_followed(postgres: PostgresServer) -> None:
    with PostgresServer() as primary, scene(primary, "followed") as set_up:
        try:
            befall(set_up, failed_over, 0.1)
        finally:
            if set_up.server is not primary:
                set_up.server.close()
        assert set_up.wrong == []


def test_a_copy_that_is_too_old_is_not_answered_with(postgres: PostgresServer) -> None:
    told: list[State] = []
    with scene(postgres, f"live_{uuid4().hex}") as set_up:
        direct = create_engine(set_up.engine.url.set(port=postgres.port))
        set_up.directory.on_state(told.append)
        with LiveDirectory(
            set_up.engine, max_staleness=0.5, poll=0.05, fallback=SqlDirectory(direct, deadline=AMPLE)
        ) as directory:
            directory.wait_until_ready(AMPLE)
            set_up.proxy.hold(True)
            set_up.wait_for(State.STALE)
            with pytest.raises(DirectoryUnavailable, match="older than it may be"):
                set_up.directory.look_up(())
            needed = ("counter", None, None, None, None)
            wait_until(lambda: directory.status().state is State.STALE)
            assert directory.look_up((needed,)).is_slice
            wait_until(lambda: State.STALE in told)
            set_up.proxy.hold(False)
            set_up.wait_for(State.READY)
            wait_until(lambda: told[-1] is State.READY)
            assert set_up.directory.status().reason is None
        direct.dispose()


def test_a_log_that_was_pruned_past_it_is_no_longer_enough(database_url: str) -> None:
    bell = Bell()
    with upgraded(database_url) as engine, closing(bell):
        follow.install(engine)
        connected = PostgresSource(engine, AMPLE).connect(bell)
        connected.load(lambda: None)
        assert connected.poll().changes is None
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-a', '')")
            connection.exec_driver_sql("UPDATE routing_change SET logged_at = now() - interval '2 hours'")
        assert follow.prune(engine) == 1
        with pytest.raises(MustLoad, match="the log was pruned"):
            connected.poll()
        assert [*connected.load(lambda: None)] == [Tenant(id="msp-a", name="")]
        assert connected.poll().changes is None
        connected.close()


@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE routing_end_company_link",
        "ALTER TABLE routing_end_company_link RENAME TO former; CREATE TABLE routing_end_company_link (LIKE former)",
    ],
)
def test_what_is_taken_away_while_it_is_read_is_found_out(database_url: str, change: str) -> None:
    bell, changes = Bell(), [change]

    def taken_away() -> None:
        while changes:
            with engine.begin() as connection:
                connection.exec_driver_sql(changes.pop())

    with upgraded(database_url) as engine, closing(bell):
        follow.install(engine)
        store(engine, WORLD)
        connected = PostgresSource(engine, AMPLE).connect(bell)
        assert connected.load(taken_away).end_companies == {}
        with pytest.raises(MustLoad):
            connected.poll()
        connected.close()


def test_without_a_log_it_fails_and_says_what_helps(database_url: str) -> None:
    with upgraded(database_url) as engine, LiveDirectory(engine, poll=0.02) as directory:
        wait_until(lambda: directory.status().state is State.FAILED)
        assert "neo-routing db follow install" in str(directory.status().reason)
        with pytest.raises(DirectoryUnavailable):
            directory.look_up(())
        follow.install(engine)
        directory.wait_until_ready(AMPLE)


def test_a_row_that_makes_no_sense_is_not_passed_over(database_url: str) -> None:
    with upgraded(database_url) as engine:
        follow.install(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-a', '')")
            connection.exec_driver_sql("ALTER TABLE routing_agent DROP CONSTRAINT ck_routing_agent_kind")
            connection.exec_driver_sql("INSERT INTO routing_agent VALUES (12, 'msp-a', '', 'SILENT', NULL)")
        with LiveDirectory(engine, poll=0.02) as directory:
            wait_until(lambda: "make no sense" in str(directory.status().reason))
            assert directory.status().state is State.NOT_READY
            with engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM routing_agent")
            directory.wait_until_ready(AMPLE)


@pytest.mark.thorough
def test_a_standby_is_read_as_a_whole_again_and_again(postgres: PostgresServer) -> None:
    with PostgresServer() as primary, upgraded(primary.url()) as engine:
        follow.install(engine)
        with primary.standby() as standby:
            following = create_engine(standby.url())
            with LiveDirectory(following, max_staleness=1.0, poll=0.05) as directory:
                directory.wait_until_ready(AMPLE)
                assert directory.status().is_standby
                with engine.begin() as connection:
                    connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-a', '')")
                wait_until(lambda: len(directory.look_up(())) == 1 or directory._wake())
            following.dispose()
