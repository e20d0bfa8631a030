"""`neo-routing explain` tells more: what came near, what can be done, and each reader what that one may see."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing import steps
from neo_routing.account_remedy import AccountRemedy
from neo_routing.analysis import Action, Amendment, audit
from neo_routing.clauses import Verdict
from neo_routing.nearest_miss import Miss
from neo_routing_adapters.advice import ACCOUNT_REMEDIES, MISSES, NOTHING_TO_MEND, REMEDIES
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import Run

SHARED_BOT = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
TO_BLUEPEAK, TO_HARBOR, TO_TWO = (
    "2e64b0d8-93fa-4c17-b5d2-8f0a6c1e7b45",
    "71f3c9ae-4b08-4d65-9e2f-d60b1a85c372",
    "c58a7f13-0d9e-4b26-a1c4-5e7720f4d931",
)
PLATFORM = ("--caller", "platform:neo-platform", "--managed-agent-key", "NEO_SUPPORT")
UNLINKED = (*PLATFORM, "--bot-id", SHARED_BOT, "--inbound-tenant-id", TO_BLUEPEAK)
PAUSED = (*PLATFORM, "--bot-id", SHARED_BOT, "--inbound-tenant-id", TO_HARBOR)
CLASHING = (*PLATFORM, "--bot-id", SHARED_BOT, "--inbound-tenant-id", TO_TWO)
NOT_INSTALLED = (*PLATFORM, "--client-id", "harbor-msp", "--bot-id", SHARED_BOT, "--inbound-tenant-id", "x.example")

LINK_TO_BLUEPEAK = {
    "sentence": f"Link M365 tenant {TO_BLUEPEAK} to exactly one end-company of bluepeak-cloud.",
    "amendments": [
        Amendment(action=Action.LINK, tenant_id="bluepeak-cloud", m365_tenant_id=TO_BLUEPEAK).data(),
    ],
}


def told(run: Run, directory: str, *arguments: str) -> str:
    done = run("explain", "--directory", directory, *arguments)
    assert (done.returncode, done.stderr) == (0, b""), done
    return " ".join(done.stdout.decode().replace("│", "").split())


def data(run: Run, directory: str, *arguments: str) -> dict[str, Any]:
    done = run("explain", "--directory", directory, *arguments, "--json")
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (0, b"", 1), done
    return json.loads(done.stdout)


def test_each_miss_remedy_and_remedy_of_an_account_has_a_sentence_of_its_own() -> None:
    assert (set(MISSES), set(ACCOUNT_REMEDIES)) == (set(Miss), set(AccountRemedy))
    for sentences in (MISSES.values(), ACCOUNT_REMEDIES.values(), REMEDIES.values()):
        for text in sentences:
            assert text.endswith(".") and text == text.strip() and "  " not in text
    assert len({*MISSES.values()}) == len(MISSES)
    assert len({*ACCOUNT_REMEDIES.values()}) == len(ACCOUNT_REMEDIES)


def test_what_is_no_mistake_of_the_caller_has_a_remedy() -> None:
    refusing = [step for step in steps.STEPS if step.verdict is Verdict.REFUSED]
    assert {*REMEDIES} <= {*refusing}
    assert {step for step in refusing if step.code is not None and step.code.status == 409} <= {*REMEDIES}


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        (
            NOT_INSTALLED,
            [
                "white-label-installation: passed over, no_installation",
                "nearest miss, not_among_the_installations The bot is known, this M365 tenant is not among its inst",
                "channel bluepeak-help of bluepeak-cloud, active, white-label",
                "nearest miss, own_channel_disconnected",
            ],
        ),
        (
            UNLINKED,
            [
                "end-company: refused, no_company_linked",
                "nearest miss, companies_without_a_link",
                'end-company fern-and-oak "Fern & Oak Furniture" of bluepeak-cloud',
                "remedy The owner of the channel links the M365 tenant to the company",
                LINK_TO_BLUEPEAK["sentence"],
            ],
        ),
        (PAUSED, ["Installed, but the channel is disconnected.", "remedy Reconnect the channel."]),
    ],
)
def test_an_operator_is_told_what_came_near_and_what_to_do(
    run: Run, directory: str, database: str, arguments: tuple[str, ...], phrases: list[str]
) -> None:
    text = told(run, directory, *arguments)
    for phrase in phrases:
        assert phrase in text
    assert told(run, directory, *arguments, "--for", "operator") == text
    assert told(run, database, *arguments) == text


def test_of_many_rows_that_came_near_the_first_are_told_and_how_many_more(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    channels = [
        {"id": f"ch-{each}", "tenant_id": "msp-b", "agent_id": 1, "bot_id": "bot", "white_label": True}
        for each in range(9)
    ]
    path.write_text(json.dumps({"tenants": [{"id": "msp-b"}], "channels": channels}))
    arguments = (*PLATFORM, "--bot-id", "bot", "--inbound-tenant-id", "x")
    text = told(run, str(path), *arguments)
    assert "channel ch-4 of msp-b" in text and "ch-5" not in text
    assert text.count("and 4 more") == 2
    [near, _] = data(run, str(path), *arguments, "--for", "operator")["nearest_misses"]
    assert [row["id"] for row in near["channels"]] == [row["id"] for row in channels]


def test_a_user_is_told_the_message_and_nothing_else(run: Run, directory: str, database: str) -> None:
    message = (
        "This assistant is not set up for your organisation yet. For administrators: link M365 tenant "
        f"{TO_BLUEPEAK} to exactly one company."
    )
    assert told(run, directory, *UNLINKED, "--for", "user") == message
    assert told(run, database, *UNLINKED, "--for", "user") == message
    assert data(run, directory, *UNLINKED, "--for", "user") == {
        "for": "user",
        "outcome": "refused",
        "status": 409,
        "code": "end_company_not_mapped",
        "message": message,
        "details": {"reason": "no_company_linked", "inbound_tenant_id": TO_BLUEPEAK},
    }


def test_an_administrator_is_told_what_to_mend_in_the_account(run: Run, directory: str, database: str) -> None:
    text = told(run, directory, *UNLINKED, "--for", "admin", "--account", "bluepeak-cloud")
    assert text.startswith("This assistant is not set up for your organisation yet.")
    assert "for bluepeak-cloud to mend Link the M365 tenant that the message comes from" in text
    assert text.endswith(
        f"M365 tenant {TO_BLUEPEAK} channel bluepeak-help, active, white-label "
        'end-company fern-and-oak "Fern & Oak Furniture"'
    )
    assert told(run, database, *UNLINKED, "--for", "admin", "--account", "bluepeak-cloud") == text
    written = data(run, directory, *UNLINKED, "--for", "admin", "--account", "bluepeak-cloud")
    assert (written["for"], written["account"], written["code"]) == (
        "admin",
        "bluepeak-cloud",
        "end_company_not_mapped",
    )
    assert written["remedies"] == [
        {
            "remedy": "link_one_company",
            "sentence": ACCOUNT_REMEDIES[AccountRemedy.LINK_ONE_COMPANY],
            "m365_tenant_id": TO_BLUEPEAK,
            "channels": [{"id": "bluepeak-help", "status": "ACTIVE", "white_label": True}],
            "end_companies": [{"id": "fern-and-oak", "name": "Fern & Oak Furniture"}],
            "ways": [LINK_TO_BLUEPEAK],
        }
    ]


def test_each_of_two_administrators_is_told_of_the_own_channel_alone(run: Run, directory: str) -> None:
    northwind = told(run, directory, *CLASHING, "--for", "admin", "--account", "northwind-it")
    bluepeak = told(run, directory, *CLASHING, "--for", "admin", "--account", "bluepeak-cloud")
    assert "channel northwind-help" in northwind and "bluepeak" not in northwind
    assert "channel bluepeak-help" in bluepeak and "northwind" not in bluepeak
    for account, other in (("northwind-it", "bluepeak"), ("bluepeak-cloud", "northwind")):
        written = data(run, directory, *CLASHING, "--for", "admin", "--account", account)
        assert other not in json.dumps(written)
        assert all("ways" not in remedy for remedy in written["remedies"])  # both have to agree first


@pytest.mark.parametrize(
    "arguments", [UNLINKED, ("--caller", "user:northwind-it"), ("--caller", "user:northwind-it", "--agent-id", "x")]
)
def test_an_account_that_can_mend_nothing_is_told_so(run: Run, directory: str, arguments: tuple[str, ...]) -> None:
    text = told(run, directory, *arguments, "--for", "admin", "--account", "northwind-it")
    assert text.endswith(NOTHING_TO_MEND)


def test_an_account_that_the_call_names_is_told_that_it_is_unknown(run: Run, directory: str) -> None:
    arguments = (*PLATFORM, "--client-id", "gone", "--for", "admin", "--account", "gone")
    assert told(run, directory, *arguments).endswith(ACCOUNT_REMEDIES[AccountRemedy.HAVE_THE_ACCOUNT_SET_UP])


@pytest.mark.parametrize("reader", [("user",), ("admin", "--account", "northwind-it")])
def test_that_a_call_is_answered_is_told_without_a_name(run: Run, directory: str, reader: tuple[str, ...]) -> None:
    answered = ("--caller", "user:northwind-it", "--agent-id", "1003", "--for", *reader)
    assert told(run, directory, *answered) == "This call is not refused: an agent answers."
    assert data(run, directory, *answered)["outcome"] == "answered"


def test_json_for_an_operator_is_the_line_of_the_decision_and_more(run: Run, directory: str, database: str) -> None:
    plain = data(run, directory, *UNLINKED)
    written = data(run, directory, *UNLINKED, "--for", "operator")
    assert written.items() >= plain.items()
    assert {*written} - {*plain} == {"for", "nearest_misses", "remedies"}
    assert written["nearest_misses"] == [
        {
            "clause": "end-company",
            "miss": "companies_without_a_link",
            "sentence": MISSES[Miss.COMPANIES_WITHOUT_A_LINK],
            "end_companies": [{"id": "fern-and-oak", "tenant_id": "bluepeak-cloud", "name": "Fern & Oak Furniture"}],
        }
    ]
    assert written["remedies"] == [{"sentence": REMEDIES[steps.NO_COMPANY_LINKED]}, LINK_TO_BLUEPEAK]
    assert data(run, database, *UNLINKED, "--for", "operator") == written
    alike = data(run, directory, "--caller", "user:Northwind-IT", "--agent-id", "1003", "--for", "operator")
    assert alike["nearest_misses"][0]["tenant_ids"] == ["northwind-it"]


@pytest.mark.parametrize("source", ["document", "database"])
def test_a_refusal_that_passed_nothing_over_has_the_remedies_of_the_audit_too(
    run: Run, directory: str, database: str, source: str
) -> None:
    written = data(run, {"document": directory, "database": database}[source], *CLASHING, "--for", "operator")
    findings = [each for each in audit(read_directory(directory)) if each.is_about_m365_tenant(TO_TWO) and each.refused]
    expected = {json.dumps(each.data()) for finding in findings for each in finding.remedies}
    assert {json.dumps(each) for each in written["remedies"] if "amendments" in each} == expected
    assert len(expected) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            (*UNLINKED, "--for", "admin"),
            "--account says whose administrator reads it: give it with --for admin, and only then",
        ),
        (
            (*UNLINKED, "--account", "northwind-it"),
            "--account says whose administrator reads it: give it with --for admin, and only then",
        ),
        (
            (*UNLINKED, "--for", "admin", "--account", "northwind"),
            "--account must be a tenant of the directory, and there is no northwind",
        ),
        (
            ("--record", "records.jsonl", "--for", "user"),
            "a record is told to operators: give neither --for nor --account beside --record",
        ),
    ],
)
def test_a_reader_that_makes_no_sense_is_one_line_and_exit_status_2(
    run: Run, directory: str, arguments: tuple[str, ...], complaint: str
) -> None:
    done = run("explain", "--directory", directory, *arguments)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"neo-routing: {complaint}\n")


def test_a_reader_that_nobody_knows_is_refused(run: Run, directory: str) -> None:
    done = run("explain", "--directory", directory, *UNLINKED, "--for", "robot")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"robot" in done.stderr


def test_a_row_that_cannot_be_read_is_said_and_not_passed_over(run: Run, database: str) -> None:
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE routing_end_company SET name = ? WHERE id = 'fern-and-oak'", ("x" * 300,))
    connection.close()
    done = run("explain", "--directory", database, *UNLINKED)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"routing_end_company 'fern-and-oak' is not well-formed" in done.stderr
