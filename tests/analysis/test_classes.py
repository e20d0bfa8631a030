"""Request classes: every call belongs to exactly one, and is decided as its representative."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    HeldRows,
    InvalidDirectory,
    ManagedAgentKey,
    RowsBuilder,
    SessionRequest,
    Tenant,
    content_of,
)
from neo_routing.analysis import Layer, Which, class_of, request_classes
from neo_routing.testing import World, cases, directories
from neo_routing.testing.class_laws import partition, told
from neo_routing.testing.laws import Seen
from neo_routing.testing.small_worlds import SCOPES

PLATFORM = Caller(CallerKind.PLATFORM, "hq")
KEY = ManagedAgentKey.NEO_SUPPORT
WORLD = World(
    [Tenant(id="msp-a"), Tenant(id="msp-b")],
    [
        Agent(id=11, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),
        Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
        Agent(id=21, tenant_id="msp-b", kind=AgentKind.TRIGGERED),
    ],
    [
        Channel(
            id="ch-1",
            tenant_id="msp-a",
            agent_id=12,
            bot_id="helpdesk",
            white_label=True,
            installed_m365_tenant_ids=["contoso.example"],
        ),
        Channel(id="ch-2", tenant_id="msp-b", agent_id=21, bot_id="desk", status=ChannelStatus.DISCONNECTED),
    ],
    [
        EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["contoso.example", "tailspin.example"]),
        EndCompany(id="co-2", tenant_id="msp-b", m365_tenant_ids=["tailspin.example"]),
    ],
)
"""A white-label channel that is installed once and linked twice, and a standard one that is paused."""


def request(**fields: Any) -> SessionRequest:
    return SessionRequest(managed_agent_key=KEY, **fields)


def layers(world: World) -> dict[Layer, int]:
    found = [each.calls.layer for each in request_classes(world.content)]
    return {layer: found.count(layer) for layer in Layer}


def test_there_are_as_many_classes_as_the_rows_of_each_layer_make() -> None:
    assert layers(WORLD) == {
        Layer.INSTALLATION: 2,
        Layer.ACTIVE_CHANNEL: 3,  # no M365 tenant, the one that is linked and not installed, any other
        Layer.PAUSED_CHANNEL: 2,
        Layer.NO_CHANNEL: 4 + 4 + 6,  # to each tenant the bot of the other, and to none both; and unknown bots
        Layer.NO_BOT: 3 * 4,
        Layer.OWN_AGENT: 3 + 3 + 3,  # each agent; to each home, and to others, foreign ones and ones that are not there
        Layer.OWN_MANAGED_AGENT: 3,
    }


def test_an_empty_directory_has_the_classes_of_what_is_unknown() -> None:
    assert {each.calls.tenant for each in request_classes(content_of())} == {Which.UNKNOWN}
    assert layers(World()) == dict.fromkeys(Layer, 0) | {
        Layer.NO_CHANNEL: 2,
        Layer.NO_BOT: 4,
        Layer.OWN_AGENT: 1,
        Layer.OWN_MANAGED_AGENT: 1,
    }


def test_links_count_where_a_single_white_label_channel_is_active_and_nowhere_else() -> None:
    channel = Channel(id="ch-3", tenant_id="msp-a", agent_id=12, bot_id="helpdesk")
    assert layers(evolve(WORLD, channels=[*WORLD.channels, channel]))[Layer.ACTIVE_CHANNEL] == 2
    assert layers(evolve(WORLD, channels=[channel]))[Layer.ACTIVE_CHANNEL] == 2


def test_a_tenant_that_has_a_channel_with_every_bot_of_a_sort_has_no_class_for_the_others() -> None:
    classes = [each for each in request_classes(WORLD.content) if each.calls.layer is Layer.NO_CHANNEL]
    assert {(each.calls.tenant_id, each.calls.bot) for each in classes} == {
        ("msp-a", Which.STANDARD),
        ("msp-b", Which.WHITE_LABEL),
        (None, Which.STANDARD),
        (None, Which.WHITE_LABEL),
        *((tenant_id, Which.UNKNOWN) for tenant_id in ("msp-a", "msp-b", None)),
    }


CALLS = {
    "the platform for any tenant, client_id the owner's or absent, bot helpdesk, M365 tenant contoso.example": [
        (PLATFORM, request(client_id="msp-a", bot_id="28:HelpDesk", m365_tenant_id="{Contoso.Example}")),
        (PLATFORM, request(bot_id="helpdesk", m365_tenant_id="contoso.example", title="Hello")),
    ],
    "the platform for any tenant, another client_id than the owner's, bot helpdesk, M365 tenant contoso.example": [
        (PLATFORM, request(client_id="msp-b", bot_id="helpdesk", m365_tenant_id="contoso.example")),
        (PLATFORM, request(client_id="nobody", bot_id="helpdesk", m365_tenant_id="contoso.example")),
    ],
    "the platform for msp-a, bot helpdesk, M365 tenant tailspin.example": [
        (PLATFORM, request(client_id="msp-a", bot_id="helpdesk", m365_tenant_id="tailspin.example")),
        (Caller("platform", "msp-a"), request(bot_id="helpdesk", m365_tenant_id="tailspin.example")),
    ],
    "the platform for msp-a, bot helpdesk, any other M365 tenant": [
        (PLATFORM, request(client_id="msp-a", bot_id="helpdesk", m365_tenant_id="another.example")),
    ],
    "the platform for msp-b, bot desk, without an M365 tenant": [
        (PLATFORM, request(client_id="msp-b", bot_id="desk")),
    ],
    "the platform for msp-b, any white-label bot that it has no channel with, any other M365 tenant": [
        (PLATFORM, request(client_id="msp-b", bot_id="helpdesk", m365_tenant_id="tailspin.example")),
    ],
    "the platform for a tenant that is not there, any bot that nobody has, without an M365 tenant": [
        (PLATFORM, request(bot_id="unheard-of")),
        (PLATFORM, request(client_id="nobody", bot_id="another-one")),
    ],
    "the platform for msp-a, client_id given, without a bot, any M365 tenant": [
        (PLATFORM, request(client_id="msp-a", m365_tenant_id="contoso.example")),
    ],
    "users and service accounts of msp-a, agent 12": [
        (Caller("user", "msp-a"), SessionRequest(agent_id=12)),
        (Caller("service_account", "msp-a"), SessionRequest(agent_id=12, bot_id="helpdesk", unknown_fields=("x",))),
    ],
    "users and service accounts of msp-a, any agent of another tenant": [
        (Caller("user", "msp-a"), SessionRequest(agent_id=21)),
    ],
    "users and service accounts of a tenant that is not there, any agent that is not there": [
        (Caller("user", "nobody"), SessionRequest(agent_id=10**30)),
    ],
    "users and service accounts of msp-b, managed agent NEO_SUPPORT": [(Caller("user", "msp-b"), request())],
}


@pytest.mark.parametrize("words", CALLS)
def test_a_call_belongs_to_the_class_that_says_so_in_words(words: str) -> None:
    rows = WORLD.content
    classes = [*request_classes(rows)]
    for caller, asked in CALLS[words]:
        [found] = [each for each in classes if each.holds(caller, asked)]
        assert (found.words, found) == (words, class_of(caller, asked, rows))


@pytest.mark.parametrize(
    ("caller", "refused"),
    [
        (PLATFORM, SessionRequest(agent_id=12)),
        (PLATFORM, SessionRequest()),
        (PLATFORM, request(bot_id=" ")),
        (PLATFORM, request(bot_id="helpdesk", m365_tenant_id="(x)")),
        (Caller("user", "msp-a"), SessionRequest(agent_id=12, client_id="msp-a")),
    ],
)
def test_what_admission_refuses_belongs_to_no_class(caller: Caller, refused: SessionRequest) -> None:
    assert class_of(caller, refused, WORLD.content) is None
    assert not any(each.holds(caller, refused) for each in request_classes(WORLD.content))


def test_a_class_as_data_says_which_ids_there_may_be() -> None:
    found = class_of(PLATFORM, request(client_id="msp-a", bot_id="helpdesk"), WORLD.content)
    assert found is not None
    assert found.data() == {
        "caller": "platform",
        "layer": "active_channel",
        "tenant": "one",
        "tenant_id": "msp-a",
        "client_id": "any",
        "bot": "one",
        "bot_id": "helpdesk",
        "m365_tenant": "absent",
        "m365_tenant_id": None,
        "agent": "absent",
        "agent_id": None,
        "managed_agent_key": None,
    }


def test_any_other_is_an_id_that_stands_nowhere() -> None:
    world = World(
        [Tenant(id="any-other-tenant")],
        channels=[
            Channel(
                id="ch-1",
                tenant_id="any-other-tenant",
                agent_id=1,
                bot_id="any-other-bot",
                white_label=True,
                installed_m365_tenant_ids=["any-other.example"],
            )
        ],
        end_companies=[EndCompany(id="c", tenant_id="any-other-tenant", m365_tenant_ids=["any-other.example-1"])],
    )
    classes = [*request_classes(world.content)]
    assert all(each.holds(each.caller, each.request) for each in classes)
    asked = {each.request.m365_tenant_id for each in classes if each.calls.m365_tenant is Which.OTHER}
    assert asked == {"any-other.example-2"}


def test_a_directory_is_a_whole_one_as_a_value_or_what_holds_that() -> None:
    classes = [*request_classes(WORLD.content)]
    assert [*request_classes(HeldRows(WORLD.content))] == classes
    with pytest.raises(ValueError, match="a slice of a directory"):
        request_classes(WORLD.content.needed([]))
    builder = RowsBuilder()
    builder.add_agent(12, "msp-a", "Desk", AgentKind.CONVERSATIONAL, None)
    with pytest.raises(InvalidDirectory, match="there is no tenant 'msp-a'"):
        request_classes(builder.rows())


def test_classes_come_one_by_one() -> None:
    assert len([*islice(request_classes(WORLD.content), 3)]) == 3


@pytest.mark.no_cover
@given(directories(), st.data())
def test_every_call_belongs_to_exactly_one_class_and_is_decided_as_its_representative(
    world: World, data: st.DataObject
) -> None:
    directory, classes = world.directory(), [*request_classes(world.content)]
    caller, asked = data.draw(cases(world))
    found = [each for each in classes if each.holds(caller, asked)]
    if class_of(caller, asked, directory) is None:
        assert found == []
        return
    [one] = found
    ignored = {"title": None, "unknown_fields": ()}
    if not caller.is_platform:
        ignored |= {"bot_id": None, "m365_tenant_id": None}
    assert told(caller, evolve(asked, **ignored), directory) == told(one.caller, one.request, directory)


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", SCOPES)
def test_small_worlds_keep_the_law_of_classes(scope: str, thorough: bool) -> None:
    parts = {"tiny": 300, "small": 2_000, "large": 12_000}[scope] // (4 if thorough else 1)
    for world in SCOPES[scope].worlds(SCOPES[scope].channel_pairs[::parts]):
        assert [*partition(Seen(world))] == []


def test_classes_are_equal_if_they_have_the_same_calls() -> None:
    renamed = evolve(WORLD, tenants=[evolve(each, name="another name") for each in WORLD.tenants])
    assert [*request_classes(renamed.content)] == [*request_classes(WORLD.content)]
    assert len({*request_classes(WORLD.content), *request_classes(renamed.content)}) == sum(layers(WORLD).values())
    first, second, *_ = request_classes(WORLD.content)
    assert first != second
    assert not first != next(request_classes(renamed.content))  # noqa: SIM202  # it is asked for by itself


def test_a_class_is_printed_without_its_directory() -> None:
    first = next(request_classes(WORLD.content))
    assert repr(first) == f"RequestClass(calls={first.calls!r})"
