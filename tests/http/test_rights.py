"""What the role of the server may do in PostgreSQL: the rights that the documentation names, and not one less."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url

import neo_routing
from neo_routing_adapters.command import main
from tests.programs.http import entra_world
from tests.programs.http.own_database import make_own_database
from tests.programs.http.serving import Serving, serving

PEPPER = "5e" * 32
PAGE = (Path(neo_routing.__path__[0]).parent / "docs" / "serve.md").read_text()
[GRANTS] = re.findall(r"```sql\n(GRANT .*?)```", PAGE, re.DOTALL)
RIGHTS = [
    (right, table)
    for rights, tables in re.findall(r"GRANT (.+) ON (.+) TO neo;", GRANTS)
    for table in tables.split(", ")
    for right in rights.split(", ")
]
VERSION = "neo_schema_version"
WHO = {"neo_api_key": "keys", "neo_entra_link": "entra_links", "neo_chat_session": "sessions"}


@pytest.fixture
def owner(database_url: str) -> Iterator[Engine]:
    """The owner of the tables, which hold the sample and a link."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def role(owner: Engine) -> Iterator[str]:
    """A role that may do nothing yet."""
    name = f"role_{uuid4().hex}"
    run(owner, f"CREATE ROLE {name} LOGIN PASSWORD 'word'")
    yield name
    run(owner, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def run(owner: Engine, *statements: str) -> None:
    with owner.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def without(owner: Engine, role: str, right: str, table: str) -> Iterator[None]:
    run(owner, f"REVOKE {right} ON {table} FROM {role}")
    try:
        yield
    finally:
        run(owner, f"GRANT {right} ON {table} TO {role}")


@pytest.fixture
def keys(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Keys of a tenant and of the platform of the sample, which the owner has stored in the database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peppers.txt").write_text(PEPPER)
    issuing = ["keys", "issue", database_url, "--peppers", "peppers.txt", "--json", "--caller"]
    make_own_database(database_url)
    capsys.readouterr()
    for caller in ("service_account:northwind-it", "platform:neo-platform"):
        assert main([*issuing, caller]) == 0
    return [json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()]


SETTINGS = f"""
key_peppers_file = "peppers.txt"
entra_audiences = ["{entra_world.AUDIENCE}"]
entra_scope = "access_as_user"
entra_jwks_file = "jwks.json"
idempotency_secret_file = "peppers.txt"
"""


def statuses(server: Serving, keys: list[str]) -> list[int]:
    """Call with a tenant's key for a session that was never asked for, with the platform's, and with a token."""
    own, platform = keys
    now = int(time.time())
    token = entra_world.token(entra_world.claims(exp=now + 600, iat=now, nbf=now))
    by_a_bot = {
        "managed_agent_key": "NEO_SUPPORT",
        "client_id": "northwind-it",
        "bot_id": "bot",
        "inbound_tenant_id": "m",
    }
    return [
        server.post(own, {"agent_id": 1003}, idempotency_key=uuid4().hex).status_code,
        server.post(platform, by_a_bot).status_code,
        server.post(token, {"agent_id": 2003}).status_code,
    ]


def test_with_the_rights_that_are_named_it_answers_and_with_one_less_it_does_not_and_is_not_ready(
    owner: Engine, keys: list[str], role: str, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(owner, *GRANTS.replace("TO neo;", f"TO {role};").split(";\n")[:-1])
    (tmp_path / "serve.toml").write_text(SETTINGS)
    (tmp_path / "jwks.json").write_bytes(entra_world.jwks())
    url = make_url(database_url).set(username=role, password="word").render_as_string(hide_password=False)
    with serving(tmp_path, "--json", "--settings", "serve.toml", NEO_ROUTING_DIRECTORY=url) as server:
        assert (server.get("/readyz").status_code, statuses(server, keys)) == (200, [200, 200, 200])
        for right, table in RIGHTS:
            if table == VERSION:
                continue
            with without(owner, role, right, table):
                ready = server.get("/readyz")
                assert 500 in statuses(server, keys), (right, table)
                assert ready.status_code == 503, (right, table)
                who = "directory" if table.startswith("routing_") else WHO.get(table, "sessions")
                assert ready.json()["unavailable"] == [who], (right, table)
        assert (server.get("/readyz").status_code, statuses(server, keys)) == (200, [200, 200, 200])
    with without(owner, role, "SELECT", VERSION):
        assert main(["serve", "--port", "0", "--directory", url, "--key-peppers-file", "peppers.txt"]) > 0
        assert f"permission denied for table {VERSION}" in capsys.readouterr().err


def test_a_key_for_a_tenant_that_is_not_there_is_a_notice_for_whoever_may_read_the_directory(
    owner: Engine, keys: list[str], role: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(keys) == 2
    run(owner, f"GRANT SELECT, INSERT ON neo_api_key, neo_entra_link TO {role}")
    url = make_url(database_url).set(username=role, password="word").render_as_string(hide_password=False)
    issuing = ["keys", "issue", url, "--peppers", "peppers.txt", "--caller"]
    assert main([*issuing, "service_account:nobody"]) == 0
    assert capsys.readouterr().err == ""
    run(owner, f"GRANT SELECT ON routing_tenant TO {role}")
    assert [main([*issuing, f"service_account:{name}"]) for name in ("nobody", "northwind-it")] == [0, 0]
    assert capsys.readouterr().err.count("shows no tenant nobody") == 1
