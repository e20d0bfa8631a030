"""What a field of a request adds to its shape: that it is there, and at most one thing that is wrong with it."""

from __future__ import annotations

import pytest

from neo_routing import request_fields
from neo_routing.shape import (
    BLANK_BOT_ID,
    BLANK_CLIENT_ID,
    BLANK_M365_TENANT_ID,
    HAS_BOT_ID,
    HAS_CLIENT_ID,
    HAS_M365_TENANT_ID,
    UNUSABLE_BOT_ID,
    UNUSABLE_M365_TENANT_ID,
)


@pytest.mark.parametrize(
    ("read", "usable", "blank", "unusable"),
    [
        (request_fields.bot_id_of, HAS_BOT_ID, BLANK_BOT_ID, UNUSABLE_BOT_ID),
        (request_fields.m365_tenant_id_of, HAS_M365_TENANT_ID, BLANK_M365_TENANT_ID, UNUSABLE_M365_TENANT_ID),
        (request_fields.client_id_of, HAS_CLIENT_ID, BLANK_CLIENT_ID, None),
    ],
)
def test_an_id_is_there_and_may_be_blank_or_unusable(
    read: object, usable: int, blank: int, unusable: int | None
) -> None:
    assert callable(read)
    assert read("contoso.example")[1] == usable
    assert read(" ")[1] == usable | blank
    assert read("a*b")[1] == usable | (unusable or 0)
