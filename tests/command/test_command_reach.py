"""`neo-routing reach`: who arrives where, all of it; and nobody is an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.analysis import reach
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import Run

BOT = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
LAKESIDE = "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"
DESTINATIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "an agent": (("--agent", "1002"), {"agent_id": 1002}),
    "an end-company": (("--end-company", "lakeside-dental"), {"end_company_id": "lakeside-dental"}),
    "a tenant": (("--tenant", "harbor-msp"), {"tenant_id": "harbor-msp"}),
    "a channel": (("--channel", "northwind-staff"), {"channel_id": "northwind-staff"}),
    "a bot": (("--bot", f"28:{BOT.upper()}"), {"bot_id": BOT}),
    "an M365 tenant": (("--m365-tenant", LAKESIDE.replace("-", "")), {"m365_tenant_id": LAKESIDE}),
    "a bot and an M365 tenant": (
        ("--bot", BOT, "--m365-tenant", LAKESIDE),
        {"bot_id": BOT, "m365_tenant_id": LAKESIDE},
    ),
    "an agent and a bot": (("--agent", "1002", "--bot", BOT), {"agent_id": 1002, "bot_id": BOT}),
}


def told(run: Run, directory: str, *arguments: str) -> str:
    done = run("reach", "--directory", directory, *arguments)
    assert (done.returncode, done.stderr) == (0, b""), done
    return " ".join(done.stdout.decode().split())


def lines(run: Run, directory: str, *arguments: str) -> list[dict[str, Any]]:
    done = run("reach", "--directory", directory, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, b""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("what", DESTINATIONS)
def test_json_is_every_class_that_arrives_there(run: Run, directory: str, what: str) -> None:
    arguments, wanted = DESTINATIONS[what]
    expected = [each.data() for each in reach(read_directory(directory), **wanted)]
    assert expected
    assert lines(run, directory, *arguments) == expected


def test_of_a_database_it_is_the_same(run: Run, directory: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'directory.sqlite'}"
    assert run("db", "upgrade", url).returncode == 0
    assert run("db", "import", url, directory).returncode == 0
    arguments, _ = DESTINATIONS["a tenant"]
    stored, loaded = (sorted(map(json.dumps, lines(run, each, *arguments))) for each in (url, directory))
    assert stored == loaded


def test_a_person_reads_who_arrives_and_in_which_scope(run: Run, directory: str) -> None:
    text = told(run, directory, "--agent", "1002")
    assert text.startswith(
        f"the platform for any tenant, client_id the owner's or absent, bot {BOT}, M365 tenant {LAKESIDE} "
        "white_label_channel: agent 1002 answers as northwind-it for lakeside-dental alone, channel northwind-help, "
        "progress steps shown"
    )
    assert (
        "users and service accounts of northwind-it, agent 1002 own_tenant: agent 1002 answers as northwind-it, unsc"
        in text
    )
    assert text.endswith("5 classes of calls, and no other")


def test_of_a_bot_and_an_m365_tenant_refusals_are_told_too(run: Run, directory: str) -> None:
    text = told(run, directory, "--bot", BOT, "--m365-tenant", "71f3c9ae-4b08-4d65-9e2f-d60b1a85c372")
    assert "refused, 409 channel_not_active" in text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--agent", "1004"), "nobody"),
        (("--channel", "harbor-help"), "nobody"),
        (("--end-company", "fern-and-oak"), "nobody"),
        (("--agent", "99"), "nobody the directory has no agent 99"),
        (("--end-company", "lakeside"), "nobody the directory has no end-company lakeside"),
        (("--tenant", "Harbor-MSP"), "nobody the directory has no tenant Harbor-MSP"),
        (("--channel", "northwind"), "nobody the directory has no channel northwind"),
        (("--agent", "1002", "--bot", "no-such-bot"), "nobody the directory has no bot no-such-bot"),
        (("--agent", "1002", "--bot", BOT, "--m365-tenant", "x"), "nobody the directory has no M365 tenant x"),
    ],
)
def test_nobody_is_an_answer_and_an_id_that_is_not_there_is_said(
    run: Run, directory: str, arguments: tuple[str, ...], why: str
) -> None:
    assert told(run, directory, *arguments) == why
    assert lines(run, directory, *arguments) == []


def test_nothing_is_cut_off_but_by_a_limit_and_then_it_is_said(run: Run, directory: str) -> None:
    every = lines(run, directory, "--agent", "1002")
    assert lines(run, directory, "--agent", "1002", "--limit", "2") == [*every[:2], {"cut_off_after": 2}]
    assert told(run, directory, "--agent", "1002", "--limit", "2").endswith(
        "cut off after 2, as --limit says: there are more"
    )


@pytest.mark.parametrize("limit", ["5", "9" * 20])
def test_a_limit_that_cuts_nothing_off_says_nothing(run: Run, directory: str, limit: str) -> None:
    every = lines(run, directory, "--agent", "1002")
    assert lines(run, directory, "--agent", "1002", "--limit", limit) == every
    assert told(run, directory, "--agent", "1002", "--limit", limit).endswith("5 classes of calls, and no other")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "say where: --agent, --end-company, --tenant, --channel, --bot or --m365-tenant"),
        (("--agent", "1", "--limit", "0"), "--limit must be at least 1"),
        (("--bot", "{}"), "the id of --bot must not be blank"),
        (("--tenant", " "), "the id of --tenant must not be blank"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_status_2(
    run: Run, directory: str, arguments: tuple[str, ...], complaint: str
) -> None:
    done = run("reach", "--directory", directory, *arguments)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"neo-routing: {complaint}\n")
