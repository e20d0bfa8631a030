"""`neo-routing explain`: a decision that a person can read."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

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
        (("--caller", "user:northwind-it", "--agent-id", "1003.0"), ["request-shape: refused"]),
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


@pytest.mark.parametrize(
    "caller", ["", "user", "user:", "user: ", "robot:msp-a", "USER:msp-a", ":msp-a", "user:" + "x" * 257, "us\x1ber:a"]
)
def test_a_caller_written_wrongly_is_one_line_and_exit_status_2(run: Run, directory: str, caller: str) -> None:
    done = run("explain", "--directory", directory, f"--caller={caller}", "--agent-id", "1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"KIND:TENANT" in done.stderr
    assert b"\x1b" not in done.stderr


HOSTILE = "[bold red]x[/]\x1b[31m\r\n\u202e:smile: [link=file:///]\u2028"


def test_markup_and_control_characters_are_shown_and_not_obeyed(run: Run, tmp_path: Path) -> None:
    document = {
        "tenants": [{"id": HOSTILE}],
        "agents": [{"id": 1, "tenant_id": HOSTILE, "kind": "CONVERSATIONAL", "name": HOSTILE}],
        "channels": [{"id": HOSTILE, "tenant_id": HOSTILE, "agent_id": 1, "bot_id": HOSTILE, "white_label": True}],
        "end_companies": [{"id": HOSTILE, "tenant_id": HOSTILE, "name": HOSTILE, "m365_tenant_ids": [HOSTILE]}],
    }
    path = tmp_path / "directory.json"
    path.write_text(json.dumps(document))
    arguments = ("--managed-agent-key", "NEO_SUPPORT", "--bot-id", HOSTILE, "--inbound-tenant-id", HOSTILE)
    text = told(run, str(path), "--caller", f"platform:{HOSTILE}", *arguments)
    assert "end-company" in text
    assert "[bold red]x[/]\\x1b[31m\\r\\n\\u202e:smile:" in text
    assert not set(text) & set("\x1b\r\u202e\u2028")


def test_bytes_that_are_no_text_are_refused_and_not_printed(run: Run, directory: str) -> None:
    done = run("explain", "--directory", directory, *PLATFORM, "--client-id", os.fsdecode(b"\xff"))
    assert done.returncode == 0
    assert b"request-shape: refused" in done.stdout
    done.stdout.decode("utf-8")
