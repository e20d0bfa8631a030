"""`neo-routing db follow`, on a server and on a file."""

from __future__ import annotations

import json

import pytest

from neo_routing_adapters.command import main
from tests.programs.databases.administered import engine_at

FOLLOW = ["db", "follow"]


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_a_log_is_made_looked_at_pruned_and_dropped(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = plain(database_url)
    assert main(["db", "upgrade", url]) == 0
    assert main([*FOLLOW, "status", url]) == 1
    assert "there is no change log: run neo-routing db follow install" in capfd.readouterr().err
    for command, said in {
        "install": "changes are logged; the change log is of version 0001",
        "status": "the change log is of version 0001 and has 0 rows",
        "prune": "removed 0 rows of the change log",
        "uninstall": "changes are not logged any more",
    }.items():
        assert main([*FOLLOW, command, url]) == 0
        assert capfd.readouterr().out == f"{said}\n"


def test_the_status_can_be_read_by_programs(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = plain(database_url)
    assert main(["db", "upgrade", url]) == 0
    capfd.readouterr()
    assert main([*FOLLOW, "status", "--json", url]) == 1
    missing = "there is no change log: run neo-routing db follow install"
    assert json.loads(capfd.readouterr().out) == {"version": None, "rows": None, "complaints": [missing]}
    assert main([*FOLLOW, "install", url]) == 0
    capfd.readouterr()
    assert main([*FOLLOW, "status", "--json", url]) == 0
    assert json.loads(capfd.readouterr().out) == {"version": "0001", "rows": 0, "complaints": []}


@pytest.mark.parametrize(
    ("former", "helps", "statuses"),
    [
        ("DROP TABLE routing_change_version", "run neo-routing db follow install", (1, 0)),
        ("UPDATE routing_change_version SET version_num = '0002'", "take the one that made it, or a newer one", (1, 2)),
    ],
)
def test_a_log_of_another_version_is_said_aloud(
    database_url: str, capfd: pytest.CaptureFixture[str], former: str, helps: str, statuses: tuple[int, int]
) -> None:
    url = plain(database_url)
    assert main(["db", "upgrade", url]) == 0
    assert main([*FOLLOW, "install", url]) == 0
    with engine_at(database_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(former)
    capfd.readouterr()
    assert main([*FOLLOW, "status", url]) == statuses[0]
    said = capfd.readouterr()
    assert (helps in said.err, said.out) == (True, "")
    assert main([*FOLLOW, "install", url]) == statuses[1]


def test_the_script_for_a_table_is_printed(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = plain(database_url)
    assert main(["db", "upgrade", url]) == 0
    capfd.readouterr()
    keys = "SELECT 'tenant', id FROM changed"
    assert main([*FOLLOW, "print", url, "routing_tenant", "--keys", keys]) == 0
    script = capfd.readouterr().out
    assert script.startswith("BEGIN;\n") and script.endswith("COMMIT;\n")
    assert keys in script
    assert main([*FOLLOW, "print", url, "routing_nothing", "--keys", keys]) == 2
    assert "is no table" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["install", "uninstall", "status", "prune"])
def test_a_file_needs_no_log(sqlite_url: str, capfd: pytest.CaptureFixture[str], command: str) -> None:
    assert main(["db", "upgrade", sqlite_url]) == 0
    assert main([*FOLLOW, command, sqlite_url]) == 2
    assert "SQLite needs no change log" in capfd.readouterr().err
