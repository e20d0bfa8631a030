"""A transaction of a store's: how it ends, for whoever has its connection next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, event

from neo_routing_adapters.http.store_transaction import StoreTransaction
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.reader import faults_of
from tests.programs.http.calls import PATIENCE


@pytest.mark.parametrize("ends", [StoreTransaction.commit, StoreTransaction.end])
def test_whoever_has_the_connection_next_is_not_cut_off_in_the_stead_of_who_had_it(
    any_database_url: str, ends: Callable[[StoreTransaction], None]
) -> None:
    engine, call = create_engine(any_database_url), Call(PATIENCE)
    transaction = StoreTransaction(engine, faults_of(engine.dialect), call, milliseconds=1000)
    transaction.cursor().execute("SELECT 1")
    event.listen(engine, "checkin", lambda *_: call.expire())
    ends(transaction)
    assert call.expired
    assert not call.was_cut
    engine.dispose()
