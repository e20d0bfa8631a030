"""`neo-routing serve` before it answers: where settings come from, and what it says when something is not fit."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve.settings import FIELDS, Settings
from neo_routing_adapters.command.serve.settings_given import Flags, GivenSettings, given_settings
from neo_routing_adapters.http.callers import EntraCloud

if TYPE_CHECKING:
    from tests.command.conftest import Run

SECRET = "5e" * 32
IN_A_FILE = Path("serve.toml")


def given(folder: Path, *, file: str = "", env: Mapping[str, str] | None = None, **flags: str) -> GivenSettings:
    path = folder / IN_A_FILE
    path.write_text(file)
    return given_settings(Flags(**flags), path, env or {})


def failure(folder: Path, **sources: Any) -> str:
    with pytest.raises(CommandFailed) as failed:
        given(folder, **sources)
    assert failed.value.status == 2
    assert "\n" not in str(failed.value)
    return str(failed.value).replace(str(folder / IN_A_FILE), "FILE")


# Settings


def test_a_flag_counts_before_a_variable_that_before_the_file_and_that_before_the_default(tmp_path: Path) -> None:
    file = "port = 3\nconnections = 3\nrate_limit_tenant = 3\n"
    variables = {"NEO_ROUTING_PORT": "2", "NEO_ROUTING_CONNECTIONS": "2"}
    found = given(tmp_path, file=file, env=variables, port="1")
    settings, places = found.settings, found.places
    assert (settings.port, settings.connections, settings.rate_limit_tenant, settings.workers) == (1, 2, 3, 1)
    told = [places[name] for name in ("port", "connections", "rate_limit_tenant", "workers")]
    assert told == ["--port", "NEO_ROUTING_CONNECTIONS", f"rate_limit_tenant in {tmp_path / IN_A_FILE}", "default"]


def test_a_variable_may_name_the_file(tmp_path: Path) -> None:
    (tmp_path / IN_A_FILE).write_text("port = 3")
    assert given_settings(Flags(), None, {"NEO_ROUTING_SETTINGS": str(tmp_path / IN_A_FILE)}).settings.port == 3


def test_each_setting_can_be_given_everywhere_and_a_secret_in_the_environment_alone(tmp_path: Path) -> None:
    texts = {"int": "7", "float": "7.5", "tuple[str, ...]": "a, b"}
    names = {"log_form": "json", "entra_cloud": "china", "entra_guests": "allowed", "without_redis": "closed"}
    both = {"key_peppers_file", "idempotency_secret_file", "entra_jwks_file"}
    for field in FIELDS:
        text = names.get(field.name, texts.get(str(field.type), "a"))
        env = {f"NEO_ROUTING_{field.name.upper()}": text}
        others = {} if field.name == "entra_audiences" else {"entra_audiences": "a"}
        scope = {} if field.name == "entra_scope" else {"entra_scope": "s"}
        by_variable = getattr(given(tmp_path, env=env, **others, **scope).settings, field.name)
        assert by_variable != field.default or field.name in both, field.name
        if field.metadata["secret"]:
            assert "--" + field.name not in {*attrs.fields_dict(Flags)}
            assert f"FILE has {field.name}, which is a secret" in failure(tmp_path, file=f'{field.name} = "a"')
        else:
            flags = {**others, **scope, field.name: text}
            assert getattr(given(tmp_path, **flags).settings, field.name) == by_variable


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ({"port": "65536"}, "--port must be a whole number from 0 to 65,535"),
        ({"port": "1e3"}, "--port must be a whole number from 0 to 65,535"),
        ({"env": {"NEO_ROUTING_WORKERS": "0"}}, "NEO_ROUTING_WORKERS must be a whole number from 1 to 64"),
        ({"file": "workers = true"}, "workers in FILE must be a whole number from 1 to 64"),
        ({"file": "workers = 2.0"}, "workers in FILE must be a whole number from 1 to 64"),
        ({"file": "body_deadline = nan"}, "body_deadline in FILE must be a number of seconds from 0.001 to 86,400"),
        ({"file": "cors_origins = 1"}, "cors_origins in FILE must be an array of texts"),
        ({"file": "cors_origins = [1]"}, "cors_origins in FILE must be a text, and not empty"),
        ({"file": "directory = ' '"}, "directory in FILE must be a text, and not empty"),
        ({"log_form": "xml"}, "--log-form must be one of auto, json, text"),
        ({"file": "prot = 1"}, "FILE has prot, which is no setting; --print-settings lists them"),
        ({"file": "port = "}, "cannot use FILE: Invalid value (at end of document)"),
        ({"entra_scope": "s"}, "entra_audiences is missing: without an audience no token of Entra is for this API"),
        ({"entra_audiences": "a"}, "entra_scope is missing: without a scope any application's token would do"),
        (
            {"env": {"NEO_ROUTING_KEY_PEPPERS": SECRET}, "key_peppers_file": "p"},
            "key_peppers and key_peppers_file are both set: give one of them",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_place(
    tmp_path: Path, sources: dict[str, Any], complaint: str
) -> None:
    assert failure(tmp_path, **sources) == complaint


def test_the_clouds_are_those_that_tokens_come_from() -> None:
    for cloud in EntraCloud:
        assert FIELDS.entra_cloud.metadata["read"](str(cloud)) == cloud
    with pytest.raises(ValueError, match=", ".join(EntraCloud)):
        FIELDS.entra_cloud.metadata["read"]("another")


def test_settings_are_printed_as_a_file_has_them_with_stars_for_secrets(run: Run, tmp_path: Path) -> None:
    env = {"NEO_ROUTING_KEY_PEPPERS": SECRET, "NEO_ROUTING_REDIS_URL": "redis://:hidden@host:6379/0"}
    flags = ("--directory", "postgresql://neo:hidden@host/name", "--cors-origins", 'https://a.example,"')
    done = run("serve", "--print-settings", *flags, env=env)
    told = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert SECRET not in told
    assert "hidden" not in told
    assert '# key_peppers = "***"  # NEO_ROUTING_KEY_PEPPERS' in told
    assert "# idempotency_secret is not set" in told
    settings = tomllib.loads(told)
    assert settings["directory"] == "postgresql://neo:***@host/name"
    assert settings["redis_url"] == "redis://:***@host:6379/0"
    assert {*settings} == {name for name, value in attrs.asdict(Settings()).items() if value is not None} | {
        "directory",
        "redis_url",
    }
    told_by_repr = repr(given(tmp_path, env=env, directory=flags[1]).settings)
    assert not [secret for secret in (SECRET, "hidden") if secret in told_by_repr]
    assert given(tmp_path, file=told).settings.cors_origins == ("https://a.example", '"')


# What is not fit


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


def test_a_server_that_nobody_could_call_does_not_start(run: Run, directory: str, tmp_path: Path) -> None:
    assert complaint_of(run, "--port", "0", "--directory", directory, cwd=tmp_path).startswith("nobody could call: ")


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
