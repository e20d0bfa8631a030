"""A transaction of a store's: how it ends, for whoever has its connection next."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, event

from neo_routing_adapters.http.store_transaction import StoreTransaction
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.reader import faults_of
from tests.programs.http.calls import PATIENCE
from tests.programs.servers.postgres_server import PostgresServer


@pytest.mark.parametrize("ends", [StoreTransaction.commit, StoreTransaction.end])
def test_whoever_has_the_connection_next_is_not_cut_off_in_the_stead_of_who_had_it(
    any_database_url: str, ends: Callable[[StoreTransaction], None]
) -> None:
    engine, call = create_engine(any_database_url), Call(PATIENCE)
    transaction = StoreTransaction(engine, faults_of(engine.dialect), call, busy_timeout=1000, writes=True)
    transaction.cursor().execute("SELECT 1")
    event.listen(engine, "checkin", lambda *_: call.expire())
    ends(transaction)
    assert call.expired
    assert not call.was_cut
    engine.dispose()


def test_once_a_call_is_over_nobody_waits_for_its_rollback_on_a_server_that_is_frozen(
    postgres: PostgresServer, database_url: str
) -> None:
    engine, call = create_engine(database_url), Call(PATIENCE)
    transaction = StoreTransaction(engine, faults_of(engine.dialect), call, busy_timeout=1000, writes=True)
    transaction.cursor().execute("SELECT 1")
    call.leave()
    call.expire()
    ending = threading.Thread(target=transaction.end, daemon=True)
    postgres.freeze()
    try:
        ending.start()
        ending.join(5)
        assert not ending.is_alive()
    finally:
        postgres.thaw()
    ending.join(PATIENCE)
    engine.dispose()
