"""`neo-routing db follow`, on a server and on a file."""

from __future__ import annotations

import pytest

from neo_routing_adapters.command import main

FOLLOW = ["db", "follow"]


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_a_log_is_made_looked_at_pruned_and_dropped(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = plain(database_url)
    assert main(["db", "upgrade", url]) == 0
    assert main([*FOLLOW, "status", url]) == 1
    assert "there is no change log: run neo-routing db follow install" in capfd.readouterr().err
    for command, said in {
        "install": "changes are logged",
        "status": "the change log has 0 rows",
        "prune": "removed 0 rows of the change log",
        "uninstall": "changes are not logged any more",
    }.items():
        assert main([*FOLLOW, command, url]) == 0
        assert capfd.readouterr().out == f"{said}\n"


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
