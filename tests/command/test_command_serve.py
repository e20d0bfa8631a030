"""`neo-routing serve` before it answers: what it says when something is not fit."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing_adapters.command.serve.settings import FIELDS

if TYPE_CHECKING:
    from tests.command.conftest import Run

SECRET = "5e" * 32


def complaint_of(run: Run, *arguments: str, status: int = 2, **more: Any) -> str:
    """Run it, see that it ends with one line, and return that."""
    done = run("serve", *arguments, **more)
    assert (done.returncode, done.stdout) == (status, b"")
    told = done.stderr.decode()
    assert told.startswith("neo-routing: ")
    assert told.count("\n") == 1, told
    return told.removeprefix("neo-routing: ").rstrip()


def test_a_port_that_is_taken_is_told_and_nothing_is_made(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert complaint_of(run, "--port", port, cwd=tmp_path) == (
            f"cannot listen on 127.0.0.1, port {port}: Address already in use"
        )
    assert [*tmp_path.iterdir()] == []


@pytest.fixture
def peppers(tmp_path: Path) -> str:
    (tmp_path / "peppers.txt").write_text(SECRET)
    return str(tmp_path / "peppers.txt")


def test_a_database_of_ones_own_is_never_migrated_by_the_way(run: Run, tmp_path: Path, peppers: str) -> None:
    path = tmp_path / "own.sqlite"
    url = f"sqlite:///{path}"
    options = ("--port", "0", "--key-peppers-file", peppers, "--directory", url)
    assert complaint_of(run, *options) == f"cannot read {path}: there is no such file"
    sqlite3.connect(path).close()
    assert "make the tables with: neo-routing db upgrade URL" in complaint_of(run, *options)
    run("db", "upgrade", url)
    before = path.read_bytes()
    assert complaint_of(run, *options) == (
        f"{path} lacks the tables for sessions, or has those of an older version; make them with: "
        "neo-routing sessions upgrade URL"
    )
    assert path.read_bytes() == before


def test_tables_in_an_old_form_are_told_with_the_command_that_brings_them_up(
    run: Run, tmp_path: Path, peppers: str
) -> None:
    path = tmp_path / "old.sqlite"
    run("db", "upgrade", f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'CHECK (bot_id', 'CONSTRAINT ck_routing_channel_bot_id "
            "CHECK (bot_id') WHERE name = 'routing_channel'"
        )
        sql = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'routing_channel'").fetchone()[0]
    connection.close()
    if "ck_routing_channel_bot_id " not in sql:
        pytest.fail(sql)
    options = ("--port", "0", "--key-peppers-file", peppers, "--directory", f"sqlite:///{path}")
    assert complaint_of(run, *options) == (
        f"the directory's tables in {path} are of an older version; bring them to this one with: "
        "neo-routing db upgrade URL"
    )


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("mysql://u@h/n", "mysql databases cannot be used: give postgresql://… or sqlite:///…"),
        ("sqlite:///none.sqlite", "cannot read none.sqlite: there is no such file"),
        ("none.json", "cannot read none.json: No such file or directory"),
    ],
)
def test_a_directory_that_is_none_is_told_before_who_could_call_it(
    run: Run, tmp_path: Path, given: str, complaint: str
) -> None:
    assert complaint_of(run, "--port", "0", "--host", "0.0.0.0", "--directory", given, cwd=tmp_path) == complaint
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("setting", ["log_form", "entra_cloud", "entra_guests", "without_redis"])
def test_the_values_that_a_setting_may_have_stand_in_help(run: Run, setting: str) -> None:
    field = getattr(FIELDS, setting)
    with pytest.raises(ValueError, match="must be ") as refused:
        field.metadata["read"]("none of them")
    values = re.findall(r"[a-z_]+", str(refused.value).partition("must be ")[2].partition(", not")[0])
    told = run("serve", "--help").stdout.decode()
    assert [value for value in values if value not in told] == []


def test_a_server_that_nobody_could_call_does_not_start(run: Run, directory: str, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "own.sqlite").close()
    url = f"sqlite:///{tmp_path / 'own.sqlite'}"
    for words in (["--directory", url], ["--directory", directory, "--host", "0.0.0.0"]):
        assert complaint_of(run, "--port", "0", *words, cwd=tmp_path).startswith("nobody could call: ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--directory", "mysql://host/name"], "mysql databases cannot be used: give postgresql://… or sqlite:///…"),
        (["--directory", "nowhere.json"], "cannot read nowhere.json: No such file or directory"),
        (["--key-environment", "my_test"], "key_environment: an environment is 1 to 32 of a-z, 0-9 and -, not"),
        (["--redis-url", "http://:hidden@host"], "redis_url is no URL of Redis, such as redis://host:6379/0"),
        (
            ["--entra-audiences", "a", "--entra-scope", "s", "--entra-jwks-url", "http://host/keys"],
            "entra_jwks_url: the keys are read from an address with https://",
        ),
        (
            ["--entra-audiences", "a", "--entra-scope", "s", "--entra-jwks-file", "nowhere.json"],
            "cannot read nowhere.json: No such file or directory",
        ),
        (["--entra-audiences", "a", "--entra-scope", "s t"], "entra_audiences and entra_scope: the scope must be one"),
        (["--idempotency-secret-file", "nowhere.txt"], "cannot read nowhere.txt: No such file or directory"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1, port 0: "),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(
    run: Run, tmp_path: Path, peppers: str, options: list[str], complaint: str
) -> None:
    told = complaint_of(run, "--port", "0", "--key-peppers-file", peppers, *options, cwd=tmp_path)
    assert told.startswith(complaint)
    assert not (tmp_path / "neo-routing.sqlite").exists()


@pytest.mark.parametrize("secret", ["5e" * 31, "no digits", "ü"])
def test_no_message_on_a_secret_holds_any_of_it(run: Run, tmp_path: Path, secret: str) -> None:
    (tmp_path / "secret.txt").write_text(secret)
    for name in ("key-peppers", "idempotency-secret"):
        told = complaint_of(run, "--port", "0", f"--{name}-file", "secret.txt", cwd=tmp_path)
        assert "cannot be used: " in told
        assert secret not in told


def test_without_its_extras_it_says_what_to_install() -> None:
    for module in ("uvicorn", "sqlalchemy"):
        program = f"import sys; sys.modules[{module!r}] = None; from neo_routing_adapters.command import main; "
        program += "sys.exit(main(['serve', '--port', '0']))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr
        assert b'install the extra "http,sql"' in done.stderr
