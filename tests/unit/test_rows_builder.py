"""The builder that every adapter uses to hand rows to the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from neo_routing import (
    AgentKind,
    Caller,
    CallerKind,
    ChannelStatus,
    Decision,
    ManagedAgentKey,
    Outcome,
    Rows,
    RowsBuilder,
    SessionRequest,
    decide,
)
from neo_routing.content import require_whole

PLATFORM = Caller(CallerKind.PLATFORM, "platform")
MESSAGE = SessionRequest(
    managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-a", bot_id="desk", m365_tenant_id="contoso"
)


class Answering:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def look_up(self, _: object, /) -> Rows:
        return self._rows


def builder() -> RowsBuilder:
    rows = RowsBuilder()
    rows.add_tenant("msp-a")
    rows.add_agent(1, "msp-a", "Neo Support", AgentKind.CONVERSATIONAL, ManagedAgentKey.NEO_SUPPORT)
    rows.add_agent(2, "msp-a", "Help desk", AgentKind.CONVERSATIONAL, None)
    return rows


def decided(rows: RowsBuilder) -> Decision:
    return decide(PLATFORM, MESSAGE, Answering(rows.rows()))


@pytest.mark.parametrize("bot_id", ["desk", "28:DESK", " {Desk} "])
@pytest.mark.parametrize("m365_tenant_id", ["contoso", "{CONTOSO}"])
def test_an_id_in_another_spelling_never_leads_to_a_wider_agent(bot_id: str, m365_tenant_id: str) -> None:
    rows = builder()
    rows.add_channel(("ch", "msp-a", 2, True, None), bot_id, ChannelStatus.ACTIVE, [m365_tenant_id])
    rows.add_link("msp-a", m365_tenant_id, "co", "Contoso")
    assert decided(rows).result.unwrap().outcome is Outcome.WHITE_LABEL_CHANNEL


def test_the_warning_knows_a_bot_in_any_spelling() -> None:
    rows = builder()
    rows.add_white_label_bot("28:DESK")
    assert decided(rows).warnings == ("white_label_bot_not_installed",)


def test_a_row_that_comes_twice_counts_once() -> None:
    rows = builder()
    for _ in range(3):
        rows.add_agent(1, "msp-a", "Neo Support", AgentKind.CONVERSATIONAL, ManagedAgentKey.NEO_SUPPORT)
        rows.add_channel(("ch", "msp-a", 2, True, None), "desk", ChannelStatus.ACTIVE, ["contoso", "Contoso"])
        rows.add_link("msp-a", "contoso", "co", "Contoso")
    assert decided(rows).result.unwrap().end_company_id == "co"


def test_a_slice_is_said_to_be_one_and_is_taken_for_no_whole_directory() -> None:
    assert not builder().rows().is_slice
    found = builder().rows(is_slice=True)
    assert found.is_slice
    with pytest.raises(ValueError, match="slice"):
        require_whole(found)


def test_groups_of_any_size_are_kept_whole() -> None:
    rows = builder()
    for number in range(5):
        for _ in range(2):
            rows.add_link("msp-a", "contoso", f"co-{number}", f"Company {number}")
    assert rows.rows().end_companies["msp-a", "contoso"] == ("co-0", "co-1", "co-2", "co-3", "co-4")


@pytest.mark.parametrize(
    ("owner_id", "name", "kind"),
    [
        ("msp-b", "Neo Support", AgentKind.CONVERSATIONAL),
        ("msp", "Neo Support", AgentKind.CONVERSATIONAL),
        ("msp-a", "Neo Support", AgentKind.TRIGGERED),
        ("msp-a", "Neo", AgentKind.CONVERSATIONAL),
        ("msp-a", "1", AgentKind.CONVERSATIONAL),
    ],
)
def test_one_agent_cannot_be_two(owner_id: str, name: str, kind: AgentKind) -> None:
    first = (1, "msp-a", "Neo Support", AgentKind.CONVERSATIONAL, ManagedAgentKey.NEO_SUPPORT)
    other = (1, owner_id, name, kind, ManagedAgentKey.NEO_SUPPORT)
    for before, after in ((first, other), (other, first)):
        rows, alone = RowsBuilder(), RowsBuilder()
        for _ in range(2):  # the same again is the same
            rows.add_agent(*before)
        alone.add_agent(*before)
        with pytest.raises(ValueError, match="agent 1 is there already, and otherwise"):
            rows.add_agent(*after)
        assert rows.rows() == alone.rows()


def test_an_agent_may_come_with_its_key_and_without_in_any_order() -> None:
    rows = RowsBuilder()
    for key in (None, ManagedAgentKey.NEO_SUPPORT):
        for number in range(1, 6):
            rows.add_agent(number, "msp-a", "Neo", AgentKind.CONVERSATIONAL, key)
            rows.add_agent(10 + number, "msp-a", f"{10 + number}", AgentKind.CONVERSATIONAL, None)
    rows.add_agent(5, "msp-a", "Neo", AgentKind.CONVERSATIONAL, None)
    assert rows.rows().managed_agents[ManagedAgentKey.NEO_SUPPORT] == {"msp-a": (1, 2, 3, 4, 5)}


def test_what_is_read_twice_with_its_owner_is_one() -> None:
    rows = RowsBuilder()
    for owner_id in ("msp-a", b"msp-a".decode()):  # as a driver makes each anew
        rows.add_agent(12, owner_id, "Desk", AgentKind.CONVERSATIONAL, None)
        rows.add_end_company(owner_id, "co-1", "Clinic")
    assert (rows.rows().conversational_agents, rows.rows().unlinked_end_companies) == ({12: "msp-a"}, {"co-1": "msp-a"})


@pytest.mark.parametrize(("stored", "read"), [(1, True), (0, False), (None, None), (True, True)])
def test_a_databases_truth_values_become_true_and_false(stored: bool | None, read: bool | None) -> None:
    rows = builder()
    rows.add_channel(("ch", "msp-a", 2, False, stored), "desk", ChannelStatus.ACTIVE, [])
    shown = decided(rows).result.unwrap().show_agent_progress_steps
    assert shown is read


def test_the_trace_names_what_it_turned_on() -> None:
    rows = builder()
    rows.add_channel(("ch", "msp-a", 2, True, None), "desk", ChannelStatus.ACTIVE, ["contoso"])
    rows.add_link("msp-a", "contoso", "co", "Contoso")
    *_, installation, scope, agent = decided(rows).trace
    assert [channel.id for channel in installation.channels] == ["ch"]
    assert [company.name for company in scope.end_companies] == ["Contoso"]
    assert [one.name for one in agent.agents] == ["Help desk"]


@pytest.mark.parametrize("name", ["", "\t", "2", "None", "~"])
def test_the_trace_names_what_has_any_name(name: str) -> None:
    rows = RowsBuilder()
    rows.add_agent(2, "msp-a", name, AgentKind.CONVERSATIONAL, None)
    rows.add_channel(("ch", "msp-a", 2, True, None), "desk", ChannelStatus.ACTIVE, ["contoso"])
    rows.add_link("msp-a", "contoso", "2", name)
    *_, scope, agent = decided(rows).trace
    assert [each.name for each in (*scope.end_companies, *agent.agents)] == [name, name]


def test_what_rows_hold_does_not_depend_on_the_order_in_which_it_is_added() -> None:
    linked_first, linked_last, twice = RowsBuilder(), RowsBuilder(), RowsBuilder()
    linked_first.add_link("msp-a", "m-1", "co-1", "Contoso")
    linked_first.add_end_company("msp-a", "co-1", "Contoso")
    linked_last.add_end_company("msp-a", "co-1", "Contoso")
    linked_last.add_link("msp-a", "m-1", "co-1", "Contoso")
    for _ in range(2):
        twice.add_link("msp-a", "m-1", "co-1", "Contoso")
    first, last = linked_first.rows(), linked_last.rows()
    assert first == last == twice.rows()
    assert first.unlinked_end_companies == {}


def test_a_tenant_that_comes_again_has_its_last_name_and_a_channel_all_its_installations() -> None:
    builder = RowsBuilder()
    for name in ("MSP A", "msp-a"):
        builder.add_tenant("msp-a", name)
    for m365_tenant_id in ("m-2", "m-1", "m-2"):
        row = ("ch-1", "msp-a", 12, False, None)
        builder.add_channel(row, "bot", ChannelStatus.ACTIVE, [m365_tenant_id])
    rows = builder.rows()
    assert rows.tenant_names == {}
    assert rows.standard_installations == {"ch-1": ("m-1", "m-2")}


def test_a_channel_or_a_company_that_is_two_rows_is_no_row() -> None:
    """Whoever told of them by their ids would give one customer what is another's."""
    builder = RowsBuilder()
    row = ("ch-1", "msp-a", 12, True, None)
    builder.add_channel(row, "bot", ChannelStatus.ACTIVE, ["m-1"])
    builder.add_link("msp-a", "m-1", "co-1", "Clinic")
    for other in (
        (("ch-1", "msp-b", 12, True, None), "bot", ChannelStatus.ACTIVE, ["m-1"]),
        (("ch-1", "msp-a", 13, True, None), "bot", ChannelStatus.ACTIVE, ["m-1"]),
        (row, "another", ChannelStatus.ACTIVE, ["m-1"]),
        (row, "bot", ChannelStatus.DISCONNECTED, ["m-1"]),
    ):
        with pytest.raises(ValueError, match="channel ch-1 is there already, and otherwise"):
            builder.add_channel(*other)
    for add in (
        lambda: builder.add_link("msp-b", "m-2", "co-1", "Bakery"),
        lambda: builder.add_link("msp-0", "m-2", "co-1", "Bakery"),
        lambda: builder.add_end_company("msp-b", "co-1", "Bakery"),
    ):
        with pytest.raises(ValueError, match="end-company co-1 is there already, and of another tenant"):
            add()
    for add in (
        lambda: builder.add_link("msp-a", "m-2", "co-1", "co-1"),
        lambda: builder.add_end_company("msp-a", "co-1", "Bakery"),
    ):
        with pytest.raises(ValueError, match="end-company co-1 is there already, and otherwise"):
            add()
    builder.add_channel(row, "bot", ChannelStatus.ACTIVE, ["m-2"])
    builder.add_link("msp-a", "m-2", "co-1", "Clinic")
    rows = builder.rows()
    assert rows.active_channels == {("msp-a", "bot"): (row,)}
    assert rows.active_installations == {("bot", "m-1"): (row,), ("bot", "m-2"): (row,)}
    assert rows.end_companies == {("msp-a", "m-1"): ("co-1",), ("msp-a", "m-2"): ("co-1",)}
    assert rows.end_company_names == {"co-1": "Clinic"}


@pytest.mark.parametrize(
    ("add", "told"),
    [
        (lambda builder: builder.add_tenant([]), "must be a string"),
        (lambda builder: builder.add_tenant(7), "must be a string"),
        (
            lambda builder: builder.add_channel(("ch", "a", 1, False, None), "bot", ChannelStatus.ACTIVE, "m-1"),
            "installed_m365_tenant_ids must be a list",
        ),
        (
            lambda builder: builder.add_channel(("ch", "a", 1, 2, None), "bot", ChannelStatus.ACTIVE, []),
            "white_label and show_agent_progress_steps must be true or false",
        ),
        (
            lambda builder: builder.add_channel(("ch", "a", 1, False, "no"), "bot", ChannelStatus.ACTIVE, []),
            "white_label and show_agent_progress_steps must be true or false",
        ),
    ],
    ids=["a list", "a number", "letters for a list", "2 for a truth value", "a text for one"],
)
def test_a_row_that_makes_no_sense_is_told_by_what_is_wrong(add: Callable[[RowsBuilder], None], told: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole of it is compared
        add(RowsBuilder())
    assert str(raised.value) == told


def add_channel(**parts: Any) -> Callable[[RowsBuilder], None]:
    given = {"id": "ch-1", "tenant_id": "a", "agent_id": 1, "white_label": True, "show": None} | parts
    bot_id, status = given.pop("bot_id", "bot-1"), given.pop("status", ChannelStatus.ACTIVE)
    installed = given.pop("installed", ["contoso"])
    channel: Any = (*given.values(),)
    return lambda builder: builder.add_channel(channel, bot_id, status, installed)


def add_agent(*parts: Any) -> Callable[[RowsBuilder], None]:
    return lambda builder: builder.add_agent(*parts)


def add_link(*parts: Any) -> Callable[[RowsBuilder], None]:
    return lambda builder: builder.add_link(*parts)


WRONG: Any = None

CONVERSATIONAL = AgentKind.CONVERSATIONAL


@pytest.mark.parametrize(
    "add",
    [
        lambda builder: builder.add_tenant(WRONG),
        lambda builder: builder.add_tenant(b"msp-a"),
        add_agent("1", "a", "", CONVERSATIONAL, None),
        add_agent(True, "a", "", CONVERSATIONAL, None),
        add_agent(None, "a", "", CONVERSATIONAL, None),
        add_agent(1, None, "", CONVERSATIONAL, None),
        add_agent(1, "a", None, CONVERSATIONAL, None),
        add_agent(1, "a", "", None, None),
        add_agent(1, "a", "", "SLEEPING", None),
        add_agent(1, "a", "", CONVERSATIONAL, "OTHER"),
        add_channel(id=None),
        add_channel(tenant_id=b"a"),
        add_channel(agent_id=1.0),
        add_channel(white_label=None),
        add_channel(white_label="f"),
        add_channel(white_label=2),
        add_channel(white_label=-1),
        add_channel(show="t"),
        add_channel(bot_id=None),
        add_channel(status=None),
        add_channel(status="active"),
        add_channel(installed=[None]),
        add_link(None, "contoso", "co-1", ""),
        add_link("a", None, "co-1", ""),
        add_link("a", "contoso", None, ""),
        add_link("a", "contoso", "co-1", None),
        lambda builder: builder.add_white_label_bot(WRONG),
        lambda builder: builder.add_known_bot(WRONG),
        lambda builder: builder.add_known_bot("\u3164"),
        lambda builder: builder.add_tenant(" "),
        add_agent(-1, "a", "", CONVERSATIONAL, None),
        add_agent(1, "", "", CONVERSATIONAL, None),
        add_channel(bot_id="\ufeffbot"),
        add_channel(bot_id=" "),
        add_channel(agent_id=0),
        add_channel(installed="contoso.example"),
        add_channel(installed=["contoso.example", '"m"']),
        add_link("a", "28:contoso", "co-1", ""),
    ],
    ids=map(str, range(38)),
)
def test_a_row_with_a_part_missing_or_of_a_wrong_type_is_no_absent_row(add: Callable[[RowsBuilder], None]) -> None:
    builder = RowsBuilder()
    with pytest.raises(ValueError, match="must "):
        add(builder)
    rows, nothing = builder.rows(), RowsBuilder().rows()
    for field in attrs.fields(Rows):
        assert getattr(rows, field.name) == getattr(nothing, field.name)


def test_truth_values_of_a_database_are_truth_values() -> None:
    builder = RowsBuilder()
    add_channel(white_label=1, show=0)(builder)
    [[channel]] = builder.rows().active_channels.values()
    assert [channel[3], channel[4]] == [True, False]
    assert {type(channel[3]), type(channel[4])} == {bool}
