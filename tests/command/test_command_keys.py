"""The commands on API keys and on links of Entra: `neo-routing keys` and `neo-routing entra`."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import Caller, CallerKind
from neo_routing_adapters.command import main
from neo_routing_adapters.http.api_keys import ApiKeys, utc_now
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.peppers import read_peppers
from neo_routing_adapters.http.ports import Unauthenticated
from neo_routing_adapters.http.tables.credentials import metadata

TID = "9b1d2c3e-4f50-4a6b-8c7d-0e1f2a3b4c5d"
PEPPER = "5e" * 32
OTHER_PEPPER = "0f" * 32
MSP = "service_account:northwind-it"
KEY = re.compile(r"neo_sk_[a-z0-9-]+_[0-9a-f]{64}")
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def pepper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO_ROUTING_KEY_PEPPERS", PEPPER)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The command, run in this process: its status, and what it wrote."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite"


@pytest.fixture
def url(file: Path) -> str:
    engine = create_engine(f"sqlite:///{file}")
    metadata.create_all(engine)
    engine.dispose()
    return f"sqlite:///{file}"


def found(told: Told, *arguments: str) -> list[dict[str, Any]]:
    status, out, err = told(*arguments, "--json")
    assert (status, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def authenticated(url: str, text: str, *, now: datetime | None = None, peppers: str = PEPPER) -> Any:
    async def ask() -> Any:
        engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
        environment = text.split("_")[2]
        keys = ApiKeys(
            SqlKeyStore(engine), read_peppers(peppers), environment=environment, now=lambda: now or utc_now()
        )
        try:
            return await keys.authenticate(text)
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def test_a_key_that_is_issued_opens_and_is_shown_once(told: Told, url: str, file: Path) -> None:
    status, out, err = told("keys", "issue", url, "--caller", MSP, "--name", "the relay")
    assert (status, err) == (0, "")
    text, *lines = out.splitlines()
    assert KEY.fullmatch(text)
    assert lines[0].endswith(f"of {MSP}, ends: never")
    assert authenticated(url, text) == Caller(CallerKind.SERVICE_ACCOUNT, "northwind-it")
    later = "".join(
        "".join(map(str, told("keys", "list", url, *more))) for more in ((), ("--json",), ("--tenant", "northwind-it"))
    )
    assert "the relay" in later
    assert not KEY.search(later)
    assert text[12:].encode() not in file.read_bytes()


def test_a_key_of_the_platform_for_a_test_ends_after_some_days(told: Told, url: str) -> None:
    [key] = found(told, "keys", "issue", url, "--caller", "platform:neo", "--environment", "test", "--days", "30")
    assert key["key"].startswith("neo_sk_test_")
    assert key["state"] == "active"
    assert key["caller"] == {"kind": "platform", "tenant_id": "neo"}
    ends = datetime.fromisoformat(key["expires_at"])
    assert ends - datetime.fromisoformat(key["created_at"]) == timedelta(days=30)
    assert authenticated(url, key["key"], now=ends - timedelta(minutes=1)).is_platform
    assert authenticated(url, key["key"], now=ends + timedelta(seconds=1)) == Unauthenticated(Cause.EXPIRED_KEY)


def test_a_key_that_is_revoked_opens_no_more(told: Told, url: str) -> None:
    [key] = found(told, "keys", "issue", url, "--caller", MSP)
    assert told("keys", "revoke", url, key["id"]) == (0, f"key {key['id']} of {MSP}: revoked\n", "")
    assert authenticated(url, key["key"]) == Unauthenticated(Cause.REVOKED_KEY)
    [first] = found(told, "keys", "revoke", url, key["id"])
    assert (first["state"], first["revoked_at"] is None) == ("revoked", False)
    assert told("keys", "revoke", url, key["id"])[1].endswith("was revoked before\n")
    assert told("keys", "rotate", url, key["id"]) == (
        2,
        "",
        f"neo-routing: the key {key['id']} is revoked: issue a new one\n",
    )
    assert len(found(told, "keys", "list", url)) == 1


def test_a_key_that_is_rotated_has_a_successor_and_ends_later(told: Told, url: str) -> None:
    [old] = found(told, "keys", "issue", url, "--caller", MSP, "--name", "the relay", "--environment", "test")
    [new] = found(told, "keys", "rotate", url, old["id"], "--overlap-hours", "1")
    assert (new["caller"], new["name"], new["environment"]) == (old["caller"], "the relay", "test")
    assert new["instead_of"]["id"] == old["id"]
    ends = datetime.fromisoformat(new["instead_of"]["expires_at"])
    assert authenticated(url, old["key"]) == authenticated(url, new["key"]) == Caller(*MSP.split(":"))
    after = ends + timedelta(seconds=1)
    assert authenticated(url, old["key"], now=after) == Unauthenticated(Cause.EXPIRED_KEY)
    assert authenticated(url, new["key"], now=after) == Caller(*MSP.split(":"))
    status, out, err = told("keys", "rotate", url, new["id"], "--overlap-hours", "0")
    assert (status, err) == (0, "")
    assert f"instead of key {new['id']}, which ends: " in out
    assert authenticated(url, new["key"]) == Unauthenticated(Cause.EXPIRED_KEY)


def test_the_pepper_can_be_changed(told: Told, url: str, tmp_path: Path) -> None:
    [old] = found(told, "keys", "issue", url, "--caller", MSP)
    both = tmp_path / "peppers"
    both.write_text(f"{OTHER_PEPPER}\n{PEPPER}\n")
    [new] = found(told, "keys", "rotate", url, old["id"], "--peppers", str(both))
    assert old["pepper_id"] != new["pepper_id"]
    assert authenticated(url, old["key"], peppers=both.read_text()) == Caller(*MSP.split(":"))
    assert authenticated(url, new["key"], peppers=OTHER_PEPPER) == Caller(*MSP.split(":"))
    assert authenticated(url, old["key"], peppers=OTHER_PEPPER) == Unauthenticated(Cause.UNKNOWN_KEY)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "set NEO_ROUTING_KEY_PEPPERS, or give a file by --peppers"),
        ("s3cret-and-long-enough-for-anybody", "NEO_ROUTING_KEY_PEPPERS cannot be used: a pepper is written in hex"),
        ("5e", "NEO_ROUTING_KEY_PEPPERS cannot be used: a pepper has at least 32 bytes"),
        (f"{PEPPER},{PEPPER}", "the peppers must differ"),
    ],
)
def test_without_a_pepper_no_key_is_made_and_none_is_told(
    told: Told, url: str, given: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO_ROUTING_KEY_PEPPERS", given)
    status, out, err = told("keys", "issue", url, "--caller", MSP)
    assert (status, out) == (2, "")
    assert said in err
    assert "s3cret" not in err
    assert PEPPER not in err
    assert found(told, "keys", "list", url) == []


def test_a_file_of_peppers_that_cannot_be_read_is_told(told: Told, url: str, tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing", tmp_path / "binary"
    binary.write_bytes(b"\xff" * 64)
    for file, said in ((missing, "No such file"), (binary, "hexadecimal digits")):
        status, out, err = told("keys", "issue", url, "--caller", MSP, "--peppers", str(file))
        assert (status, out) == (2, "")
        assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--caller", "user:northwind-it"], "KIND is platform or service_account"),
        (["--caller", "northwind-it"], "must be KIND:TENANT"),
        (["--caller", "service_account: "], "must not be blank"),
        (["--caller", MSP, "--environment", "my_test"], "an environment is 1 to 32 of a-z"),
        (["--caller", MSP, "--days", "-1"], "from 0 to 36500 days"),
        (["--caller", MSP, "--days", "40000000000"], "from 0 to 36500 days"),
        ([], "--caller"),
    ],
)
def test_what_makes_no_sense_makes_no_key(told: Told, url: str, arguments: list[str], said: str) -> None:
    status, out, err = told("keys", "issue", url, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert found(told, "keys", "list", url) == []


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_a_key_that_is_not_there_is_told(told: Told, url: str, command: str) -> None:
    status, out, err = told("keys", command, url, "5e5e")
    assert (status, out) == (2, "")
    assert err.startswith("neo-routing: there is no key 5e5e;")


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "list", "URL"],
        ["keys", "issue", "URL", "--caller", MSP],
        ["keys", "revoke", "URL", "1"],
        ["keys", "rotate", "URL", "1"],
        ["entra", "list", "URL"],
        ["entra", "link", "URL", TID, "northwind-it"],
        ["entra", "unlink", "URL", TID],
    ],
    ids=" ".join,
)
def test_a_database_without_the_tables_is_left_alone_and_the_cure_is_told(
    told: Told, arguments: list[str], file: Path
) -> None:
    file.touch()
    status, out, err = told(*(f"sqlite:///{file}" if word == "URL" else word for word in arguments))
    assert (status, out) == (2, "")
    assert err == (
        f"neo-routing: {file} lacks neo_api_key, neo_entra_link; "
        "make the tables with: neo-routing sessions upgrade URL\n"
    )
    assert file.read_bytes() == b""


def test_an_m365_tenant_is_linked_to_one_tenant_until_it_is_unlinked(told: Told, url: str) -> None:
    assert told("entra", "link", url, TID.upper().replace("-", ""), "northwind-it") == (
        0,
        f"linked {TID} to northwind-it\n",
        "",
    )
    assert told("entra", "link", url, TID, "northwind-it") == (0, f"{TID} was linked to northwind-it before\n", "")
    assert told("entra", "link", url, TID, "tailspin") == (
        2,
        "",
        f"neo-routing: {TID} is linked to northwind-it: unlink it first\n",
    )
    [link] = found(told, "entra", "list", url)
    assert (link["m365_tenant_id"], link["tenant_id"]) == (TID, "northwind-it")
    assert found(told, "entra", "list", url, "--tenant", "tailspin") == []
    assert tenant_of(url) == "northwind-it"
    assert TID in told("entra", "list", url)[1]
    [gone] = found(told, "entra", "unlink", url, TID)
    assert gone == link
    assert tenant_of(url) is None
    assert told("entra", "unlink", url, TID) == (2, "", f"neo-routing: {TID} is linked to no tenant\n")
    [again] = found(told, "entra", "link", url, TID, "tailspin")
    assert again["tenant_id"] == "tailspin"
    assert told("entra", "unlink", url, TID) == (0, f"unlinked {TID} from tailspin\n", "")


def tenant_of(url: str) -> str | None:
    async def ask() -> str | None:
        engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
        try:
            return await SqlEntraLinks(engine).tenant_of(TID)
        finally:
            await engine.dispose()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["contoso.com", "northwind-it"], "must be a GUID"),
        (["{}", "northwind-it"], "the M365 tenant's id must not be blank"),
        (["?", "northwind-it"], "the M365 tenant's id must be a GUID"),
        ([TID, " "], "the tenant's id must not be blank"),
    ],
)
def test_what_cannot_be_linked_is_told(told: Told, url: str, ids: list[str], said: str) -> None:
    status, out, err = told("entra", "link", url, *ids)
    assert (status, out) == (2, "")
    assert said in err
    assert found(told, "entra", "list", url) == []


def test_names_cannot_forge_lines_of_the_list(told: Told, url: str) -> None:
    told("keys", "issue", url, "--caller", "service_account:a\nb\u202e", "--name", "x\ny")
    told("entra", "link", url, TID, "a\nb\u202e")
    for command in ("keys", "entra"):
        out = told(command, "list", url)[1]
        assert "\u202e" not in out
        assert len([line for line in out.splitlines() if line.strip()]) >= 2


def test_a_tenant_that_the_directory_beside_does_not_show_is_a_notice(told: Told, file: Path, directory: str) -> None:
    url = f"sqlite:///{file}"
    assert told("sessions", "upgrade", url)[0] == 0
    issuing, linking = ["keys", "issue", url, "--caller"], ["entra", "link", url, TID]
    assert told(*issuing, "service_account:nobody")[::2] == (0, ""), "there is no directory"
    assert told("db", "upgrade", url)[0] == told("db", "import", url, directory)[0] == 0
    notice = "neo-routing: notice: the directory in this database shows no tenant nobody\n"
    assert told(*issuing, "service_account:nobody", "--json")[::2] == (0, notice)
    assert told(*linking, "nobody") == (0, f"linked {TID} to nobody\n", notice)
    assert told(*linking, "nobody")[2] == notice, "said again"
    assert told(*issuing, MSP)[::2] == (0, "")
    assert told("entra", "unlink", url, TID)[0] == 0
    assert told(*linking, "northwind-it")[::2] == (0, "")


def test_whoever_is_no_terminal_gets_a_key_and_a_link_whole_on_a_line_each(told: Told, url: str) -> None:
    tenant_id, name = "a" * 200, " ".join(["a name"] * 20)
    [key] = found(told, "keys", "issue", url, "--caller", f"service_account:{tenant_id}", "--name", name)
    assert told("entra", "link", url, TID, tenant_id)[0] == 0
    for command, cells in (("keys", (key["id"], f"service_account:{tenant_id}", name)), ("entra", (TID, tenant_id))):
        _, line = told(command, "list", url)[1].splitlines()
        assert [cell for cell in cells if cell not in line] == []


def test_a_terminal_gets_a_table_with_whole_ids(told: Told, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [key] = found(told, "keys", "issue", url, "--caller", "service_account:" + "a" * 200, "--name", "n" * 100)
    assert key["id"] in told("keys", "list", url)[1]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["keys", "list", url]) == 0
    assert key["id"] in screen.getvalue()


def test_without_the_extra_it_says_what_to_install(told: Told, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "neo_routing_adapters.http":
                raise ModuleNotFoundError("no starlette", name="starlette")

    monkeypatch.delitem(sys.modules, "neo_routing_adapters.http")
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    status, out, err = told("keys", "list", url)
    assert (status, out) == (2, "")
    assert "pip install '.[http]'" in err
