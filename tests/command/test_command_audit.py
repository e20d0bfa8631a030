"""`neo-routing audit`: what a directory refuses, told by matters: for operators, for CI, and for one customer."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.analysis import Suspicion, audit
from neo_routing_adapters.command.analysis.spoken import SUSPICIONS
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import Run

FINE = {
    "tenants": [{"id": "msp-a"}],
    "agents": [
        {"id": 1, "tenant_id": "msp-a", "kind": "CONVERSATIONAL", "managed_key": "NEO_SUPPORT"},
        {"id": 2, "tenant_id": "msp-a", "kind": "CONVERSATIONAL"},
    ],
    "channels": [
        {
            "id": "ch-1",
            "tenant_id": "msp-a",
            "agent_id": 2,
            "bot_id": "28:HelpDesk",
            "white_label": True,
            "installed_m365_tenant_ids": ["9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"],
        }
    ],
    "end_companies": [
        {"id": "co-1", "tenant_id": "msp-a", "m365_tenant_ids": ["9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"]}
    ],
}
SHARED = "c58a7f13-0d9e-4b26-a1c4-5e7720f4d931"


def told(run: Run, *arguments: str, status: int) -> str:
    done = run("audit", "--directory", *arguments)
    assert done.returncode == status, done
    return " ".join(done.stdout.decode().split())


def lines(run: Run, *arguments: str, status: int) -> list[dict[str, Any]]:
    done = run("audit", "--directory", *arguments, "--json")
    assert done.returncode == status, done
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def fine(tmp_path: Path) -> str:
    path = tmp_path / "fine.json"
    path.write_text(json.dumps(FINE))
    return str(path)


def test_each_suspicion_has_a_sentence_of_its_own() -> None:
    assert (set(SUSPICIONS), len({*SUSPICIONS.values()})) == (set(Suspicion), len(Suspicion))


def test_where_nothing_is_wrong_it_says_so_and_ends_with_0(run: Run, fine: str) -> None:
    assert told(run, fine, status=0) == "nothing is wrong"
    assert lines(run, fine, status=0) == []


def test_of_a_directory_without_tenants_it_says_that_there_are_none(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text("{}")
    assert told(run, str(path), status=0) == "nothing is wrong the directory has no tenants"
    assert lines(run, str(path), status=0) == []


def test_errors_end_with_1_and_each_has_its_clause_its_reason_and_what_mends_it(run: Run, directory: str) -> None:
    done = run("audit", "--directory", directory)
    text = " ".join(done.stdout.decode().split())
    assert (done.returncode, done.stderr) == (
        1,
        b"neo-routing: 30 classes of calls are refused because of what the directory holds\n",
    )
    for phrase in (
        "error: end-company, no_company_linked The channel's owner has linked this M365 tenant to no end-company.",
        "to mend Link M365 tenant 2e64b0d8-93fa-4c17-b5d2-8f0a6c1e7b45 to exactly one end-company of bluepeak-cloud.",
        "error: neo-support, agent_missing The target tenant has no Neo Support agent. tenants neo-platform",
        "to mend Set up the tenant's Neo Support.",
        f"notice: end-company, linked_by_several_tenants {SUSPICIONS[Suspicion.LINKED_BY_SEVERAL_TENANTS]}",
        "8 errors, 2 notices",
    ):
        assert phrase in text
    assert text.index("notice:") > text.rindex("error:")


def test_json_is_every_finding_of_the_function_on_a_line_of_its_own(run: Run, directory: str, database: str) -> None:
    findings = [each.data() for each in audit(read_directory(directory)) if each.severity != "expected"]
    assert lines(run, directory, status=1) == findings
    stored = lines(run, database, status=1)
    assert sorted(map(json.dumps, stored)) == sorted(map(json.dumps, findings))


def test_what_is_refused_as_it_should_be_is_told_if_all_is_asked_for_and_is_no_error(run: Run, fine: str) -> None:
    found = lines(run, fine, "--all", status=0)
    assert {each["severity"] for each in found} == {"expected"}
    text = told(run, fine, "--all", status=0)
    assert text.startswith("expected: end-company, no_inbound_tenant_id") and "to mend" not in text
    assert text.endswith("2 refusals as expected")


def test_findings_of_one_subject_clause_and_reason_are_one_matter_with_its_bots_in_a_list(
    run: Run, tmp_path: Path
) -> None:
    [channel] = FINE["channels"]
    another = channel | {"id": "ch-2", "bot_id": "other-bot"}
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(FINE | {"channels": [channel, another], "end_companies": []}))
    text = told(run, str(path), status=1)
    assert text.count("error: end-company, no_company_linked") == 1
    assert "bots helpdesk, other-bot" in text
    assert text.count("the platform for any tenant") == 4
    assert len([each for each in lines(run, str(path), status=1) if each["severity"] == "error"]) == 4


def test_of_many_classes_the_first_are_told_and_how_many_more(run: Run, directory: str) -> None:
    assert "and 7 more; --json has them all" in told(run, directory, "--tenant", "neo-platform", status=1)


def test_a_tenant_is_told_what_is_about_itself(run: Run, directory: str) -> None:
    found = lines(run, directory, "--tenant", "harbor-msp", status=1)
    assert found and all("harbor-msp" in each["subject"]["tenant_ids"] for each in found)
    assert {each["reason"] for each in found} == {"installation_disconnected", "agent_missing"}


def test_a_tenant_that_is_not_there_is_no_tenant_with_nothing_wrong(run: Run, directory: str) -> None:
    done = run("audit", "--directory", directory, "--tenant", "Harbor-MSP")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"the directory has no tenant Harbor-MSP" in done.stderr


@pytest.mark.parametrize("spelling", [SHARED, SHARED.upper(), f"{{{SHARED.replace('-', '')}}}"])
def test_a_customer_is_checked_by_its_m365_tenant_in_any_spelling(run: Run, directory: str, spelling: str) -> None:
    found = lines(run, directory, "--m365-tenant", spelling, status=1)
    assert {each["reason"] for each in found} == {"several_active_installations", "linked_by_several_tenants"}


def test_a_customer_that_is_ready_ends_with_0(run: Run, directory: str) -> None:
    ready = "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"
    assert told(run, directory, "--tenant", "northwind-it", "--m365-tenant", ready, status=0) == "nothing is wrong"


@pytest.mark.parametrize(
    ("arguments", "whose"),
    [
        (("--m365-tenant", "new.example"), ""),
        (
            ("--m365-tenant", "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", "--tenant", "harbor-msp"),
            " of harbor-msp",
        ),
    ],
)
def test_a_customer_of_whom_nothing_is_known_is_not_ready(
    run: Run, directory: str, arguments: tuple[str, ...], whose: str
) -> None:
    done = run("audit", "--directory", directory, *arguments)
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"no white-label channel{whose} is installed for M365 tenant {arguments[1]}, and no end-company{whose}" in (
        done.stderr.decode()
    )


def test_a_customer_whose_bot_is_on_a_standard_channel_is_told_so_and_is_not_ready(run: Run, tmp_path: Path) -> None:
    [channel] = FINE["channels"]
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(FINE | {"channels": [channel | {"white_label": False}], "end_companies": []}))
    customer = channel["installed_m365_tenant_ids"][0]
    done = run("audit", "--directory", str(path), "--m365-tenant", customer)
    assert done.returncode == 1
    assert done.stdout.startswith(b"notice: white-label-installation, installed_on_standard_channel\n")
    assert done.stderr.decode().endswith("is linked to it: it is not ready\n")
    assert [each["reason"] for each in lines(run, str(path), "--m365-tenant", customer, status=1)] == [
        "installed_on_standard_channel"
    ]


def test_a_customer_that_is_linked_where_channels_clash_is_not_ready(run: Run, tmp_path: Path) -> None:
    [channel] = FINE["channels"]
    channels = [channel | {"id": each, "installed_m365_tenant_ids": []} for each in ("ch-1", "ch-2")]
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(FINE | {"channels": channels}))
    customer = channel["installed_m365_tenant_ids"][0]
    assert "several_active_channels" in told(run, str(path), "--m365-tenant", customer, status=1)


@pytest.mark.parametrize("given", ["", " ", '"x"'])
def test_an_m365_tenant_id_that_cannot_be_one_is_refused(run: Run, directory: str, given: str) -> None:
    done = run("audit", "--directory", directory, "--m365-tenant", given)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"the id of --m365-tenant" in done.stderr


def test_a_database_that_cannot_be_read_whole_is_never_half_audited(run: Run, database: str) -> None:
    connection = sqlite3.connect(database.removeprefix("sqlite:///"))
    with connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE routing_end_company SET name = ? WHERE id = 'fern-and-oak'", ("x" * 300,))
    connection.close()
    done = run("audit", "--directory", database)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"routing_end_company 'fern-and-oak' is not well-formed" in done.stderr
    assert b"neo-routing db check URL" in done.stderr


def test_a_database_with_a_row_whose_owner_is_gone_is_never_audited(run: Run, database: str) -> None:
    connection = sqlite3.connect(database.removeprefix("sqlite:///"))
    with connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM routing_tenant WHERE id = 'harbor-msp'")
    connection.close()
    done = run("audit", "--directory", database)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"there is no tenant 'harbor-msp'" in done.stderr
