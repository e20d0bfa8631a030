"""What a clause of the routing came past, where the decision alone does not tell."""

from __future__ import annotations

from neo_routing import RowsBuilder, routing, steps


def test_where_a_tenant_has_no_channel_with_a_bot_none_was_come_past() -> None:
    found = routing.active_channel("msp-a", "helpdesk", RowsBuilder().rows())
    assert found == (steps.NO_ACTIVE_CHANNEL, "msp-a", "helpdesk", ())
