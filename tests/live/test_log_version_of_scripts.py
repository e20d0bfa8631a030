"""The script for a host's table makes a log of its version, and goes with none of another."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import ObjectNotInPrerequisiteState
from sqlalchemy import Engine, make_url

from neo_routing_adapters.live import LiveDirectory
from neo_routing_adapters.sql import change_log_version
from neo_routing_adapters.sql.change_triggers import KEYS
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.follow_script import follow_script
from tests.live.test_change_log import do, hosts, logged, run_scripts
from tests.live.test_log_versions import OF_A_NEWER, WITHOUT_VERSION, all_there_is, asked, version_of

__all__ = ["hosts"]  # a fixture

AMPLE = 60.0


def test_it_makes_a_log_of_its_version_and_may_be_run_again(hosts: Engine) -> None:
    run_scripts(hosts)
    log = asked(hosts, "SELECT 'routing_change'::regclass::oid")
    run_scripts(hosts)
    assert asked(hosts, "SELECT 'routing_change'::regclass::oid") == log
    assert version_of(hosts) == [["0001"]]
    assert follow.status(hosts) == follow.LogStatus(version="0001", rows=0, fault=None, unfollowed=())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (WITHOUT_VERSION, "no version"),
        (OF_A_NEWER, "version 0002"),
        ("UPDATE routing_change_version SET version_num = '0000'", "version 0000"),
        ("INSERT INTO routing_change_version VALUES ('0002')", "version 0001, 0002"),
    ],
)
def test_it_leaves_a_log_of_another_version_as_it_is(hosts: Engine, change: str, found: str) -> None:
    run_scripts(hosts)
    do(hosts, change)
    there = all_there_is(hosts)
    with pytest.raises(ObjectNotInPrerequisiteState, match=f"log is of {found}, and this makes version 0001"):
        run_scripts(hosts)
    assert all_there_is(hosts) == there


def test_what_helps_against_an_older_log_helps(hosts: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No script of before is left in force, and as long as one of the new ones was not run, that is said."""
    run_scripts(hosts)
    monkeypatch.setattr(change_log_version, "VERSIONS", ("0001", "0002"))
    with pytest.raises(ObjectNotInPrerequisiteState, match="run neo-routing db follow uninstall, and each script anew"):
        run_scripts(hosts)
    assert "neo-routing db follow uninstall, and their scripts anew" in str(follow.status(hosts).fault)
    follow.uninstall(hosts)
    with hosts.connect() as connection:
        script = follow_script(connection, "host.routing_tenant", KEYS["routing_tenant"])
    do(hosts, script.removeprefix("BEGIN;\n").removesuffix("COMMIT;\n"))
    assert len(follow.status(hosts).unfollowed) == len(KEYS) - 1
    run_scripts(hosts)
    assert (version_of(hosts), follow.status(hosts).unfollowed) == ([["0002"]], ())


def test_it_keeps_out_whoever_makes_a_log_meanwhile(hosts: Engine) -> None:
    with hosts.connect() as connection:
        script = follow_script(connection, "host.routing_tenant", KEYS["routing_tenant"])
    url = make_url(hosts.url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(url) as first, psycopg.connect(url, autocommit=True) as second:
        first.execute(script.removesuffix("COMMIT;\n"))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(f"SET lock_timeout = '0.1s'; {change_log_version.KEEP_OTHERS_OUT}")


def test_in_a_schema_of_any_name_it_is_made_and_followed(hosts: Engine) -> None:
    do(
        hosts,
        """ALTER SCHEMA public RENAME TO "host's own" """,
        f"""ALTER DATABASE {hosts.url.database} SET search_path = "host's own" """,
    )
    hosts.dispose()
    run_scripts(hosts)
    assert follow.status(hosts).unfollowed == ()
    assert logged(hosts, "INSERT INTO host.routing_tenant VALUES ('msp-a', '')") == {("tenant", "msp-a")}
    assert follow.prune(hosts) == 0
    with LiveDirectory(hosts, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
    follow.uninstall(hosts)
    assert "there is no change log" in str(follow.status(hosts).fault)
