"""`neo-routing explain`: a decision that a person can read."""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.command.conftest import Run

SHARED_BOT = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
PLATFORM = ("--caller", "platform:neo-platform", "--managed-agent-key", "NEO_SUPPORT")

INSTALLED = (
    *PLATFORM,
    "--bot-id",
    f"28:{SHARED_BOT.upper()}",
    "--inbound-tenant-id",
    "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a",
)


def told(run: Run, directory: str, *arguments: str) -> str:
    done = run("explain", "--directory", directory, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_a_white_label_session_is_told_step_by_step(run: Run, directory: str) -> None:
    assert told(run, directory, *INSTALLED, "--client-id", "harbor-msp") == Path(__file__).with_name(
        "explain_white_label.txt"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--caller", "user:northwind-it", "--agent-id", "1003"),
            ["own-agent: taken", 'agent 1003 "Triage (draft)" of northwind-it, conversational', "own_tenant: "],
        ),
        (
            ("--caller", "user:northwind-it", "--agent-id", "2003"),
            [
                "own-agent: refused",
                'agent 2003 "Peak Assistant" of bluepeak-cloud',
                "refused, 404: There is no such agent",
            ],
        ),
        (
            (*PLATFORM, "--client-id", "harbor-msp", "--bot-id", SHARED_BOT),
            [
                "white-label-installation: does not apply",
                "active-channel: passed over",
                "channel harbor-help of harbor-msp, disconnected, white-label, agent 3002",
                "neo-support: taken",
                "neo_support_fallback: ",
                "white_label_bot_not_installed: ",
            ],
        ),
        (("--caller", "user:northwind-it", "--agent-id", "1003.5"), ["request-shape: refused", "fields agent_id"]),
        (("--caller", "user:northwind-it", "--agent-id", "1003.0"), ["own-agent: taken", "agent_id 1003\n"]),
        (("--caller", "user:northwind-it", "--agent-id", "1.003e3"), ["own-agent: taken", "agent_id 1003\n"]),
        (("--caller", "user:northwind-it", "--agent-id", "-1"), ["own-agent: refused", "agent_id -1"]),
        (("--caller", "user:northwind-it", "--agent-id", "9" * 5000), ["far above every agent's id"]),
        (("--caller", "user:northwind-it"), ["one-selector: refused"]),
        ((*PLATFORM, "--client-id", ""), ["platform-ids: refused", 'client_id ""']),
        ((*PLATFORM, "--client-id="), ["platform-ids: refused"]),
        ((*PLATFORM, "--bot-id", "28:{}"), ["platform-ids: refused", "bot_id must not be blank"]),
        (("--caller", "service_account:a:b", "--agent-id", "1"), ["service_account of a:b asks"]),
    ],
)
def test_each_way_is_told(run: Run, directory: str, arguments: tuple[str, ...], expected: list[str]) -> None:
    text = told(run, directory, *arguments)
    for phrase in expected:
        assert phrase in text


@pytest.mark.parametrize(
    ("blank", "shown"),
    [(" ", r"\x20"), ("\u00a0", r"\xa0"), ("\u3000", r"\u3000"), ("\t", r"\t"), (" " * 99, r"\x20")],
    ids=ascii,
)
def test_white_space_at_the_end_of_an_id_cannot_be_overlooked(run: Run, tmp_path: Path, blank: str, shown: str) -> None:
    path, msp = tmp_path / "directory.json", f"msp{blank}"
    document = {
        "tenants": [{"id": msp}],
        "agents": [{"id": 1, "tenant_id": msp, "kind": "CONVERSATIONAL"}],
        "channels": [
            {"id": f"ch{blank}", "tenant_id": msp, "agent_id": 1, "bot_id": "b", "white_label": True}
            | {"installed_m365_tenant_ids": ["m"]}
        ],
        "end_companies": [{"id": f"co{blank}", "tenant_id": msp, "m365_tenant_ids": ["m"]}],
    }
    path.write_text(json.dumps(document))
    arguments = ("--managed-agent-key", "NEO_SUPPORT", "--client-id", msp, "--bot-id", "b", "--inbound-tenant-id", "m")
    text = told(run, str(path), "--caller", f"platform:{msp}", *arguments)
    text = re.sub(r"[\s│├└─]", "", text)
    msp, ch, co = (f'"{name}{shown * len(blank)}"' for name in ("msp", "ch", "co"))
    for phrase in (f"platformof{msp}asks", f"client_id{msp}", f"tenant_id{msp}", f"of{msp},conversational"):
        assert phrase in text
    for phrase in (
        f"channel{ch}of{msp},active",
        f"end-company{co}",
        f"answersas{msp}for{co}alone",
        f"channel{ch},progress",
    ):
        assert phrase in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--client-id", "harbor-msp", "--inbound-tenant-id", "2e64b0d8-93fa-4c17-b5d2-8f0a6c1e7b45"),
            "client_id_overridden: The white-label channel that matched is not of the tenant that client_id names.",
        ),
        (
            (),
            (
                "white_label_bot_not_installed: This is a white-label bot, and none of its installations decided; "
                "nothing else confines a session to one end-company."
            ),
        ),
    ],
)
def test_a_warning_tells_of_no_session_where_there_is_none(
    run: Run, directory: str, arguments: tuple[str, ...], expected: str
) -> None:
    text = told(run, directory, *PLATFORM, "--bot-id", SHARED_BOT, *arguments)
    assert "refused, 4" in text
    assert " ".join(text.partition("\nwarnings\n")[2].split()) == expected


def test_it_is_plain_text_when_not_on_a_terminal(run: Run, directory: str) -> None:
    done = run("explain", "--directory", directory, *INSTALLED, env={"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert b"\x1b" not in done.stdout
    assert all(len(line) <= 80 and line == line.rstrip() for line in done.stdout.decode().splitlines())


def test_it_is_coloured_on_a_terminal(run: Run, directory: str) -> None:
    ours, theirs = pty.openpty()
    run("explain", "--directory", directory, *INSTALLED, stdout=theirs, env={"TERM": "xterm-256color"})
    os.close(theirs)
    assert b"\x1b[" in os.read(ours, 65536)
    os.close(ours)


def test_json_is_the_line_that_resolve_explain_writes(run: Run, directory: str, cases: str) -> None:
    written = run("resolve", "--directory", directory, cases, "--explain").stdout.splitlines()[0]
    assert told(run, directory, *INSTALLED, "--json").encode().rstrip(b"\n") == written
    assert json.loads(written)["trace"]


NO_KIND = "--caller must be KIND:TENANT, where KIND is platform, service_account or user, not "


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        ("", NO_KIND + '""'),
        ("user", NO_KIND + "user"),
        ("robot:msp-a", NO_KIND + "robot:msp-a"),
        ("USER:msp-a", NO_KIND + "USER:msp-a"),
        (":msp-a", NO_KIND + ":msp-a"),
        (" user:msp-a", NO_KIND + '"\\x20user:msp-a"'),
        ("us\x1ber:a", NO_KIND + "us\\x1ber:a"),
        ("user:", "the tenant id of --caller must not be blank"),
        ("user: ", "the tenant id of --caller must not be blank"),
        ("user:" + "x" * 257, "the tenant id of --caller must be at most 256 characters long"),
        (
            os.fsdecode(b"user:\xff"),
            "the tenant id of --caller must be valid Unicode without NUL or lone surrogates",
        ),
    ],
)
def test_a_caller_written_wrongly_is_one_line_and_exit_status_2(
    run: Run, directory: str, caller: str, told: str
) -> None:
    done = run("explain", "--directory", directory, f"--caller={caller}", "--agent-id", "1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"neo-routing: {told}\n"


HOSTILE = "[bold red]x[/]\x1b[31m\r\n\u202e:smile: [link=file:///]\u2028\u3164\ufe0f\u2800"


def test_markup_and_control_characters_are_shown_and_not_obeyed(run: Run, tmp_path: Path) -> None:
    document = {
        "tenants": [{"id": HOSTILE}],
        "agents": [{"id": 1, "tenant_id": HOSTILE, "kind": "CONVERSATIONAL", "name": HOSTILE}],
        "channels": [{"id": HOSTILE, "tenant_id": HOSTILE, "agent_id": 1, "bot_id": "bot", "white_label": True}],
        "end_companies": [{"id": HOSTILE, "tenant_id": HOSTILE, "name": HOSTILE, "m365_tenant_ids": ["m"]}],
    }
    document["channels"][0]["installed_m365_tenant_ids"] = ["m"]
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(document))
    arguments = ("--managed-agent-key", "NEO_SUPPORT", "--bot-id", "bot", "--inbound-tenant-id", "m")
    text = told(run, str(path), "--caller", f"platform:{HOSTILE}", *arguments)
    assert "end-company" in text
    assert "[bold red]x[/]\\x1b[31m\\r\\n\\u202e:smile:" in text
    assert "\\u2028\\u3164\\ufe0f\\u2800" in "".join(text.split())
    assert not set(text) & set("\x1b\r\u202e\u2028\u3164\ufe0f\u2800")
    refused = told(run, str(path), "--caller", f"platform:{HOSTILE}", *arguments[:-1], HOSTILE)
    assert not set(refused) & set("\x1b\r\u202e\u2028\u3164\ufe0f\u2800")


def test_bytes_that_are_no_text_are_refused_and_not_printed(run: Run, directory: str) -> None:
    done = run("explain", "--directory", directory, *PLATFORM, "--client-id", os.fsdecode(b"\xff"))
    assert done.returncode == 0
    assert b"request-shape: refused" in done.stdout
    done.stdout.decode("utf-8")
