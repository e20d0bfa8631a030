"""The commands on databases: `neo-routing db`."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.errors import ConnectionTimeout
from sqlalchemy import event, make_url
from sqlalchemy.exc import OperationalError

from neo_routing_adapters.command import main
from neo_routing_adapters.command.database_engine import engine_for
from neo_routing_adapters.command.database_reason import reason
from neo_routing_adapters.command.findings import Findings
from neo_routing_adapters.command.import_change import tell_change
from neo_routing_adapters.extras import how_to_install
from neo_routing_adapters.sql import RELATIONS
from neo_routing_adapters.sql.tables.check import Finding, Severity
from neo_routing_adapters.sql.tables.directory_change import DirectoryChange, RelationChange
from tests.programs.thoroughness import first_always

if TYPE_CHECKING:
    from tests.command.conftest import OnATerminal, Run

COMMANDS = ["upgrade", "import", "export", "check", "guard"]
CLASHING = {
    "tenants": [{"id": "a"}],
    "agents": [{"id": n, "tenant_id": "a", "kind": "CONVERSATIONAL", "managed_key": "NEO_SUPPORT"} for n in (1, 2)],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "directory.sqlite"


@pytest.fixture
def url(run: Run, file: Path) -> str:
    """A database with the tables, and nothing in them."""
    url = f"sqlite:///{file}"
    assert run("db", "upgrade", url).stdout == b"the tables are of version 0003\n"
    return url


def imported(run: Run, url: str, folder: Path, document: object) -> None:
    path = folder / "document.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = run("db", "import", url, str(path), "--allow-removals")
    assert (done.returncode, done.stderr) == (0, b"")


ASKED = ["--caller", "user:a", "--agent-id", "1"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rows_of(directory: str) -> int:
    return sum(map(len, json.loads(Path(directory).read_text(encoding="utf-8")).values()))


def test_the_examples_of_help_run_one_after_the_other(run: Run, tmp_path: Path) -> None:
    assert run("demo", "--save", "sample", cwd=tmp_path).returncode == 0
    for command in COMMANDS:
        text = run("db", command, "--help").stdout.decode()
        [example] = re.findall(r"^\$ neo-routing (.*)$", text, re.MULTILINE)
        done = run(*shlex.split(example), cwd=tmp_path)
        expected = 1 if command == "guard" else 0
        assert (done.returncode, bool(done.stderr)) == (expected, expected == 1), done.stderr


def test_import_and_export_show_on_a_terminal_how_far_they_are(
    on_a_terminal: OnATerminal, run: Run, url: str, directory: str
) -> None:
    assert b"Importing" in on_a_terminal("db", "import", url, directory)[1]
    exported, shown = on_a_terminal("db", "export", url)
    assert b"Exporting" in shown
    assert exported == run("db", "export", url).stdout


def test_a_document_comes_out_as_it_went_in(run: Run, url: str, directory: str, tmp_path: Path) -> None:
    assert run("db", "import", url, directory).returncode == 0
    written = run("db", "export", url)
    assert (written.returncode, written.stderr) == (0, b"")
    again = tmp_path / "again.json"
    again.write_bytes(written.stdout)
    assert run("db", "import", url, str(again)).returncode == 0
    assert run("db", "export", url).stdout == written.stdout
    ids = {name: {row["id"] for row in rows} for name, rows in json.loads(written.stdout).items()}
    sample = json.loads(Path(directory).read_text(encoding="utf-8"))
    assert ids == {name: {row["id"] for row in rows} for name, rows in sample.items()}


def test_a_database_decides_as_the_document_that_it_was_made_from(
    run: Run, url: str, directory: str, cases: str
) -> None:
    run("db", "import", url, directory)
    from_document = run("resolve", "--explain", "--directory", directory, cases)
    assert run("resolve", "--explain", "--directory", url, cases).stdout == from_document.stdout


def test_a_document_with_problems_changes_nothing(run: Run, url: str, directory: str, tmp_path: Path) -> None:
    run("db", "import", url, directory)
    before = run("db", "export", url).stdout
    bad = tmp_path / "bad.json"
    bad.write_text('{"agents": [{"id": 0}]}')
    done = run("db", "import", url, str(bad))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"agents[0].id: must be from 1 to 2^63 - 1" in done.stderr
    assert run("db", "export", url).stdout == before


def test_a_document_comes_in_from_a_pipe(run: Run, url: str, directory: str) -> None:
    done = run("db", "import", url, "-", input=Path(directory).read_bytes())
    *changes, imported_rows = done.stdout.decode().splitlines()
    assert (done.returncode, imported_rows, done.stderr) == (0, f"imported {rows_of(directory)} rows", b"")
    assert [line.split("\t")[0] for line in changes] == [*RELATIONS]
    written = run("db", "export", url).stdout
    done = run("db", "import", url, "-", input=b'{"agents": 1}')
    assert (done.returncode, done.stderr) == (2, b"neo-routing: cannot use standard input: agents: must be a list\n")
    done = run("db", "import", url, "-", preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr) == (2, b"neo-routing: standard input is closed\n")
    assert run("db", "export", url).stdout == written


def test_rows_from_a_pipe_that_a_guard_refuses_are_said_to_be_its(run: Run, url: str) -> None:
    assert run("db", "guard", url).returncode == 0
    done = run("db", "import", url, "-", input=json.dumps(CLASHING).encode())
    assert done.returncode == 2
    assert b"standard input holds rows that a guard of the database refuses: " in done.stderr


def test_findings_are_lines_with_tabs_or_json(run: Run, url: str, tmp_path: Path) -> None:
    imported(run, url, tmp_path, CLASHING)
    done = run("db", "check", url)
    told = "several agents of one tenant have the same managed key: tenant_id 'a', managed_key 'NEO_SUPPORT'"
    assert (done.returncode, done.stdout.decode()) == (0, f"notice\trouting_agent\t1, 2\t{told}\n")
    assert json.loads(run("db", "check", url, "--json").stdout) == {
        "severity": "notice",
        "relation": "routing_agent",
        "row": [1, 2],
        "complaint": told,
    }


def test_errors_are_counted_and_exit_status_1(run: Run, url: str, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("DROP INDEX ix_routing_channel_tenant_id_bot_id")
    connection.close()
    done = run("db", "check", url)
    assert (done.returncode, done.stderr) == (1, b"neo-routing: 1 error in the database\n")
    assert done.stdout.startswith(b"error\trouting_channel\t\tno index serves a look-up by tenant_id and bot_id")


def test_guards_are_added_where_nothing_stands_in_the_way(run: Run, url: str, tmp_path: Path) -> None:
    imported(run, url, tmp_path, CLASHING)
    done = run("db", "guard", url)
    assert (done.returncode, done.stderr) == (1, b"neo-routing: rows stand in the way of a guard\n")
    blocked, found, *added = done.stdout.decode().splitlines()
    assert blocked == "guard_one_managed_agent: blocked"
    assert found.startswith("notice\trouting_agent\t1, 2\t")
    assert [line.partition(": ")[2] for line in added] == ["added"] * 3
    imported(run, url, tmp_path, {})
    done = run("db", "guard", url)
    assert (done.returncode, done.stdout.count(b": already there\n"), done.stdout.count(b": added\n")) == (0, 3, 1)
    (tmp_path / "clashing.json").write_text(json.dumps(CLASHING))
    done = run("db", "import", url, str(tmp_path / "clashing.json"))
    assert done.returncode == 2
    assert b"holds rows that a guard of the database refuses: " in done.stderr


KNOWN = "which is not known; it may have connect_timeout, sslmode, application_name and others of libpq"
UNUSABLE = [
    ("nonsense", "this is not the URL of a database, such as postgresql://user@host/name"),
    ("mysql://u:s3cret@h/n", "mysql databases cannot be used: give postgresql://… or sqlite:///…"),
    ("postgresql://u:s3@cret@h/n", "the URL has an @ too many: in a password, write it as %40"),
    ("postgresql://u:s3cret@h:port/n", "this is not the URL of a database, such as postgresql://user@host/name"),
    ("sqlite://", "the URL names no file: give sqlite:///name, or sqlite:////folder/name"),
    ("sqlite:///missing.sqlite", "cannot read missing.sqlite: there is no such file"),
    ("sqlite:///missing.sqlite?uri=true", "cannot read missing.sqlite: there is no such file"),
    ("sqlite:///file:missing.sqlite?mode=rwc&uri=true", "cannot read missing.sqlite: there is no such file"),
    ("sqlite:///file:missing.sqlite?mode=memory&uri=1", "the URL's mode must be ro, rw or rwc"),
    ("sqlite:///file::memory:?uri=true", "the URL names no file: give sqlite:///name, or sqlite:////folder/name"),
    (
        "sqlite://h/n",
        "the URL of a SQLite file has three slashes: give sqlite:///name, or sqlite:////folder/name",
    ),
    ("sqlite:///x?timeout=abc", "the URL's timeout must be a number of seconds, at least 0 and a day at most"),
    ("sqlite:///x?timeout=nan", "the URL's timeout must be a number of seconds, at least 0 and a day at most"),
    ("sqlite:///x?timeout=1&timeout=2", "the URL has the parameter timeout twice"),
    ("sqlite:///x?plugin=x", "the URL has the parameter plugin, which is not known; it may have timeout"),
    ("sqlite:///x?mode=ro", "the URL has the parameter mode, which is not known; it may have timeout"),
    ("postgresql://u@127.0.0.1:1/n?plugin=x", f"the URL has the parameter plugin, {KNOWN}"),
    ("postgresql://u@127.0.0.1:1/n?timeout=abc", f"the URL has the parameter timeout, {KNOWN}"),
    ("postgresql://u@127.0.0.1:1/n?row_factory=x", f"the URL has the parameter row_factory, {KNOWN}"),
    ("postgresql://u@h/n?sslmode=a&sslmode=b", "the URL has the parameter sslmode twice"),
    ("postgresql://u@h/n?port=abc", "the URL has hosts or ports that cannot be used"),
    (
        "postgresql://u@127.0.0.1:1/n?connect_timeout=abc",
        "cannot use 127.0.0.1/n: bad value for connect_timeout: 'abc'",
    ),
    (
        "postgresql://u@127.0.0.1:1/n?sslmode=abc",
        'cannot use 127.0.0.1/n: connection is bad: invalid sslmode value: "abc"',
    ),
    (
        "postgresql://u:p/w@h/n",
        "the URL has / before its @: in a password, write it as %2F, and after the host an @ as %40",
    ),
    ("postgresql://u%00@h/n", "this is not the URL of a database, such as postgresql://user@host/name"),
    ("postgresql://u@h/%ff", "this is not the URL of a database, such as postgresql://user@host/name"),
    ("postgresql:/u@h/n", "this is not the URL of a database, such as postgresql://user@host/name"),
]


@pytest.mark.parametrize(("unusable", "told"), UNUSABLE)
def test_a_url_that_cannot_be_used_is_one_line_and_exit_status_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, unusable: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["db", "check", unusable]) == 2
    assert capfd.readouterr() == ("", f"neo-routing: {told}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "query",
    ["", "?uri=true", "?timeout=0.5", "?check_same_thread=false&uri=true&mode=ro", "?isolation_level=AUTOCOMMIT"],
)
@pytest.mark.parametrize("scheme", first_always(["sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"]))
def test_the_url_that_a_host_has_for_a_sqlite_file_is_understood(
    url: str, capfd: pytest.CaptureFixture[str], scheme: str, query: str
) -> None:
    assert main(["db", "export", f"{scheme}{url.removeprefix('sqlite')}{query}"]) == 0
    named = f"sqlite:///file:{url.removeprefix('sqlite:///')}?uri=true{query.replace('?', '&')}"
    assert main(["db", "export", named.replace("&uri=true", "", 1)]) == 0
    assert capfd.readouterr().err == ""


def test_a_sqlite_file_that_goes_away_is_not_made_again(url: str, file: Path) -> None:
    engine = engine_for(url)
    file.unlink()
    with pytest.raises(OperationalError, match="unable to open database file"):
        engine.connect()
    assert not file.exists()


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("postgresql+psycopg2://u@h/n", {}),
        ("postgres://u@h/n", {}),
        ("postgresql+asyncpg://u@h/n?ssl=require", {"sslmode": "require"}),
        ("postgresql+asyncpg://u@h/n?ssl=true&prepared_statement_cache_size=0", {"sslmode": "require"}),
        ("postgresql+asyncpg://u@h/n?ssl=verify-full", {"sslmode": "verify-full"}),
        ("postgresql://u@h/n?host=a,b&application_name=x", {"host": "a,b", "application_name": "x"}),
    ],
)
def test_the_url_that_a_host_has_for_a_server_is_understood(given: str, means: dict[str, str]) -> None:
    url = engine_for(given).url
    assert (url.drivername, dict(url.query)) == ("postgresql+psycopg", means)


def test_an_import_is_told_before_it_is_written_and_what_removes_too_much_must_be_meant(
    run: Run, url: str, tmp_path: Path, directory: str
) -> None:
    assert run("db", "import", url, directory).returncode == 0
    content = run("db", "export", url).stdout
    (tmp_path / "empty.json").write_text("{}")
    for more in ((), ("--dry-run",)):
        done = run("db", "import", url, str(tmp_path / "empty.json"), *more)
        assert (done.returncode, done.stdout.count(b"\n")) == (2, len(RELATIONS))
        assert done.stdout.startswith(b"routing_tenant\t0\t0\t4\n")
        assert done.stderr.startswith(b"neo-routing: this would leave routing_tenant, routing_agent, ")
        assert done.stderr.endswith(b" empty; nothing was changed; if that is meant, add --allow-removals\n")
    done = run("db", "import", url, str(tmp_path / "empty.json"), "--dry-run", "--allow-removals")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"dry run: nothing was written")
    assert run("db", "export", url).stdout == content
    done = run("db", "import", url, str(tmp_path / "empty.json"), "--allow-removals")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"imported 0 rows")
    assert run("db", "export", url).stdout != content


def test_on_a_terminal_what_an_import_changes_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    counted = {"stored": 1234, "added": 0, "changed": 12, "removed": 1234}
    tell_change(DirectoryChange(tuple(RelationChange(relation=name, **counted) for name in RELATIONS)))
    heading, *rows = re.sub("\x1b.*?m", "", terminal.getvalue()).splitlines()
    assert heading.split() == ["added", "changed", "removed"]
    assert [row.split() for row in rows] == [[name, "0", "12", "1,234"] for name in RELATIONS]


@pytest.mark.parametrize("name", ["directory.sqlite", "/data/directory.DB"])
def test_the_name_of_a_file_of_a_database_is_answered_with_its_url(run: Run, name: str) -> None:
    told = f"neo-routing: {name} is the name of a file; a database is given by its URL: sqlite:///{name}\n"
    for done in (run("db", "check", name), run("explain", "--directory", name, *ASKED)):
        assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", told)


@pytest.mark.parametrize(
    "unreachable", ["postgresql://u:s3cret@127.0.0.1:1/n", "postgresql+asyncpg://u:1@127.0.0.1:1/n"]
)
def test_a_server_that_is_not_there_is_one_line_without_the_password(run: Run, unreachable: str) -> None:
    done = run("db", "export", unreachable)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (3, b"", 1)
    assert done.stderr.startswith(b"neo-routing: cannot use 127.0.0.1/n")
    assert b"s3cret" not in done.stderr


def test_a_server_that_does_not_answer_in_time_is_exit_status_3(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise ConnectionTimeout("connection timeout expired")

    monkeypatch.setattr("psycopg.connect", connect)
    assert main(["db", "check", "postgresql://u@h/n"]) == 3
    assert capfd.readouterr().err == "neo-routing: cannot use h/n: connection timeout expired\n"


@pytest.mark.parametrize("query", ["", "?connect_timeout=10", "?sslmode=disable&application_name=10"])
def test_what_the_driver_says_is_told_whatever_the_query_says(run: Run, query: str) -> None:
    done = run("db", "export", f"postgresql://u:s3cret@127.0.0.10:1/n{query}")
    assert b'server at "127.0.0.10", port 1 failed: Connection refused' in done.stderr


def test_a_connection_has_seconds_to_be_made_unless_the_url_says_otherwise() -> None:
    for query, seconds in (("", 10), ("?connect_timeout=3", "3")):
        engine = engine_for(f"postgresql://u@127.0.0.10:1/n{query}")
        asked: list[object] = []
        event.listen(engine, "do_connect", lambda *told, asked=asked: asked.append(told[-1]["connect_timeout"]))
        with pytest.raises(OperationalError):
            engine.connect()
        assert asked == [seconds]


@pytest.mark.parametrize(
    ("url", "said", "told"),
    [
        ("postgresql://u:s3cret@h/n", 'no "s3cret" here', ': no "***" here'),
        ("postgresql://u@h/n?sslpassword=s3cret", "key s3cret: bad", ": key ***: bad"),
        ("postgresql://u@h/n?password=one&password=another", "one\nanother", ": ***"),
        ("postgresql://u:s3cret@h/n", "no s3crets here", ""),
        ("postgresql://u:s3cret@h/n", "two lines\nwith xs3cret", ""),
        ("postgresql://u:two%0Alines@h/n", "of two\nlines", ": of ***"),
        ("postgresql://u:a@h/n", 'a database that has "a"', ': *** database that has "***"'),
        ("postgresql://u:1@h/n", "127.0.0.1 is down", ": 127.0.0.1 is down"),
        ("postgresql://u@h/n?application_name=down", "127.0.0.1 is down", ": 127.0.0.1 is down"),
        ("postgresql://u:s3cret@h/n", "", ""),
    ],
)
def test_a_secret_is_starred_where_it_is_a_word_and_a_line_with_more_of_it_left_out(
    url: str, said: str, told: str
) -> None:
    assert reason(make_url(url), OSError(said)) == told


@pytest.mark.parametrize("command", ["import", "export", "guard"])
def test_a_database_without_the_tables_says_how_to_make_them(
    run: Run, file: Path, directory: str, command: str
) -> None:
    sqlite3.connect(file).close()
    file.touch()
    done = run("db", command, f"sqlite:///{file}", *([directory] if command == "import" else []))
    assert done.returncode == 2
    assert b" lacks routing_tenant, routing_agent, routing_channel, " in done.stderr
    assert done.stderr.endswith(b"; deliver the views, or make the tables with: neo-routing db upgrade URL\n")


@pytest.mark.parametrize("command", ["upgrade", "import", "guard"])
def test_tables_of_a_newer_library_are_one_line_and_exit_status_2(
    run: Run, url: str, file: Path, directory: str, command: str
) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE routing_schema_version SET version_num = '9999'")
    connection.close()
    done = run("db", command, url, *([directory] if command == "import" else []))
    told = b"neo-routing: the tables are of version 9999, which this version of neo_routing does not know\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", told)


def test_relations_that_no_upgrade_has_made_are_one_line_and_exit_status_2(run: Run, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE VIEW routing_agent AS SELECT 1 AS id")
    connection.close()
    done = run("db", "upgrade", f"sqlite:///{file}")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.endswith(b"any version of our tables: routing_agent; nothing was changed\n")


def test_a_file_that_is_no_database_is_one_line(run: Run, directory: str) -> None:
    done = run("db", "export", f"sqlite:///{directory}")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"file is not a database" in done.stderr


def test_a_database_that_is_busy_is_exit_status_3_at_the_start_and_midway(
    run: Run, url: str, file: Path, directory: str
) -> None:
    busy = sqlite3.connect(file)
    busy.execute("BEGIN EXCLUSIVE")
    done = run("db", "import", f"{url}?timeout=0.01", directory)
    busy.close()
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (3, b"", 1)
    busy = sqlite3.connect(file)
    busy.execute("BEGIN IMMEDIATE")
    done = run("db", "import", f"{url}?timeout=0.01", directory)
    busy.close()
    assert (done.returncode, done.stderr) == (3, f"neo-routing: {file} gave out: database is locked\n".encode())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "ALTER TABLE routing_agent RENAME COLUMN kind TO sort",
            "The directory cannot answer at the moment: no such column: ",
        ),
        (
            """ALTER TABLE routing_agent RENAME TO host;
            CREATE VIEW routing_agent AS SELECT id, tenant_id, name, 'TALKING' AS kind, managed_key FROM host""",
            "The directory holds rows that make no sense; see: neo-routing db check URL",
        ),
    ],
)
def test_a_database_that_cannot_answer_is_told_with_the_reason(
    run: Run, url: str, file: Path, tmp_path: Path, change: str, told: str
) -> None:
    imported(run, url, tmp_path, CLASHING)
    connection = sqlite3.connect(file)
    connection.executescript(change)
    connection.close()
    case = b'{"caller": {"kind": "user", "tenant_id": "a"}, "request": {"agent_id": 1}}'
    for done in (run("explain", "--directory", url, *ASKED), run("resolve", "--directory", url, input=case)):
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (3, b"", 1)
        assert done.stderr.decode().startswith(f"neo-routing: {told}")


def test_a_reader_that_goes_ends_an_export_quietly(
    run: Run, command: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    imported(run, url, tmp_path, {"tenants": [{"id": f"tenant-{n}", "name": "x" * 200} for n in range(5000)]})
    process = subprocess.Popen([*command, "db", "export", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.parametrize(
    ("absent", "url", "extra"),
    [
        ("sqlalchemy", "postgresql://u@h/n", "postgres"),
        ("sqlalchemy", "sqlite:///name", "sql"),
        ("psycopg", "postgresql://u@h/n", "postgres"),
        ("psycopg", "postgresql+asyncpg://u@h/n", "postgres"),
    ],
)
def test_without_its_extra_a_database_says_at_once_which_to_install(
    run: Run, tmp_path: Path, absent: str, url: str, extra: str
) -> None:
    (tmp_path / f"{absent}.py").write_text(f"raise ModuleNotFoundError(name={absent!r})")
    env = {"PYTHONPATH": str(tmp_path)}
    told = f"this database needs more than the command; {how_to_install(extra)}"
    for done in (run("db", "check", url, env=env), run("explain", "--directory", url, *ASKED, env=env)):
        assert (done.returncode, done.stderr.decode()) == (2, f"neo-routing: {told}\n")
    assert run("--help", env=env).returncode == run("demo", env=env).returncode == 0


def test_what_to_install_is_told_for_a_copy_and_for_a_wheel_and_as_from_no_index() -> None:
    told = how_to_install("postgres")
    assert "pip install '.[postgres]' in a copy of the project" in told
    assert "neo_routing[" not in told
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"cli", "sql", "postgres"} <= project["optional-dependencies"].keys()


def test_the_directory_in_a_database_says_which_extra_it_needs(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ModuleNotFoundError(name='sqlalchemy')")
    for module in ("sql", "sql.directory_import"):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import neo_routing_adapters.{module}"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
        told = f"ModuleNotFoundError: a directory in a database needs SQLAlchemy; {how_to_install('sql')}\n"
        assert done.stderr.endswith(told)


ROWS = [
    ("routing_agent", "name must not be null"),
    ("routing_agent", "kind must be CONVERSATIONAL or TRIGGERED, and is 'TALKING{n}'"),
    ("routing_channel", 'its tenant "it\'s {n}" has no agent {n}'),
    ("routing_channel", "bot_id 'Bot\\'{n}' is not in normal form, which is \"bot'{n}\""),
    ("routing_channel_installation", "bot_id 'Bot\\'{n}' is not in normal form, which is \"bot'{n}\""),
]


def test_a_person_reads_the_first_findings_of_each_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    findings = Findings()
    for number in range(1, 2001):
        for relation, complaint in ROWS:
            findings.tell(Finding(Severity.ERROR, relation, (number,), complaint.replace("{n}", str(number))))
    findings.tell(Finding(Severity.ERROR, "routing_tenant", (), "is missing"))
    assert (terminal.getvalue(), findings.errors) == ("", 10_001)
    findings.finish()
    written = re.sub("\x1b.*?m", "", terminal.getvalue()).splitlines()
    lines = [line for line in written if line.startswith(("error: ", "… "))]  # and no lines that are the rest of one
    assert lines[0] == "error: routing_agent 1: name must not be null"
    assert [number for number, line in enumerate(lines) if line == "… and 1,995 more like these"] == [5, 11, 17, 23, 29]
    assert lines[30:] == ["error: routing_tenant: is missing"]
