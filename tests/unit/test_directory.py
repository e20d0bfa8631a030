"""What a directory holds: tenants, agents, channels and end-companies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, SessionRequest, Tenant

GUID = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"


def test_defaults_are_those_of_the_directory_document() -> None:
    assert Tenant(id="msp-a") == Tenant(id="msp-a", name="msp-a")
    agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.TRIGGERED)
    assert (agent.name, agent.managed_key) == ("12", None)
    channel = Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="bot")
    assert channel.status is ChannelStatus.ACTIVE
    assert channel.white_label is False
    assert channel.installed_m365_tenant_ids == frozenset()
    assert channel.show_agent_progress_steps is None
    company = EndCompany(id="co-1", tenant_id="msp-a")
    assert (company.name, company.m365_tenant_ids) == ("co-1", frozenset())


def test_a_name_may_be_blank_though_an_id_may_not() -> None:
    assert Tenant(id="msp-a", name="").name == ""
    assert EndCompany(id="co-1", tenant_id="msp-a", name=" ").name == " "


def test_bot_ids_and_m365_tenant_ids_are_kept_in_normal_form_and_once() -> None:
    spellings: list[Any] = [
        [GUID.upper(), f"{{{GUID}}}"],
        (GUID.replace("-", ""),),
        {GUID, f" {GUID}"},
        frozenset({GUID}),
    ]
    for ids in spellings:
        channel = Channel(
            id="ch", tenant_id="msp-a", agent_id=1, bot_id=f"28:{{{GUID.upper()}}}", installed_m365_tenant_ids=ids
        )
        assert channel.bot_id == GUID
        assert channel.installed_m365_tenant_ids == frozenset({GUID})
        assert EndCompany(id="co", tenant_id="msp-a", m365_tenant_ids=ids).m365_tenant_ids == frozenset({GUID})


any_text = st.text(st.characters(exclude_categories=()), max_size=20)


@given(any_text)
def test_any_text_is_an_id_unless_it_is_blank_or_not_clean(text: str) -> None:
    clean = not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)
    if clean and text.strip():
        assert Tenant(id=text).id == text
    else:
        with pytest.raises(ValueError, match=r"^Tenant\.id must "):
            Tenant(id=text)


@given(any_text)
def test_a_channel_and_a_request_agree_on_what_is_left_of_a_bot_id(text: str) -> None:
    clean = not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)
    bot_id = (clean and SessionRequest(bot_id=text).bot_id) or ""
    if bot_id and set(bot_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._"):
        assert Channel(id="ch", tenant_id="msp-a", agent_id=1, bot_id=text).bot_id == bot_id
    else:
        with pytest.raises(ValueError, match=r"^Channel\.bot_id must "):
            Channel(id="ch", tenant_id="msp-a", agent_id=1, bot_id=text)
