"""No secret that stands in the arguments is ever printed, wherever it stands and however it is spelt."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neo_routing.testing.conformance import conformance_worlds
from neo_routing_adapters.command import main
from neo_routing_adapters.command.secrets import keeping_secrets_of, secrets_in, without_secrets

PLACES = [
    ("{}",),
    ("--{}",),
    ("db", "{}"),
    ("db", "check", "{}"),
    ("db", "check", "--url={}"),
    ("db", "upgrade", "{}"),
    ("db", "check", "sqlite:///missing.sqlite", "{}"),
    ("db", "import", "{}", "missing.json"),
    ("db", "import", "sqlite:///missing.sqlite", "{}"),
    ("db", "import", "{}", "{}"),
    ("resolve", "{}"),
    ("resolve", "--directory", "{}"),
    ("resolve", "--directory={}"),
    ("resolve", "--directory", "DIRECTORY", "{}"),
    ("resolve", "--directory", "DIRECTORY", "cases", "{}"),
    ("explain", "--directory", "{}", "--caller", "user:a"),
    ("explain", "--directory", "missing.json", "--caller", "{}"),
    ("explain", "--directory", "missing.json", "--caller", "user:a", "{}"),
    ("demo", "{}"),
    ("demo", "--save", "{}"),
    ("conformance", "--save", "{}"),
    ("conformance", "--command", "{}"),
    ("conformance", "--command", "true", "--world", "{}"),
    ("conformance", "--command", "true", "--timeout", "{}"),
    ("prove", "--scope", "{}"),
    ("prove", "--processes", "{}"),
]
# What may be told of each is a part of no word that the command says.
SPELLINGS = [
    ("postgresql://neo:Zq7xWv@127.0.0.1:1/name", ["Zq7xWv"]),
    ("postgresql://neo:Zq@7xWv/K9jh@127.0.0.1:1/name", ["7xWv", "K9jh"]),
    ("postgresql://neo:Zq7x%40Wv8k@127.0.0.1:1/name", ["Zq7x%40Wv8k", "Zq7x@Wv8k", "Wv8k"]),
    ("postgresql://neo:Zq7x/Wv8k@127.0.0.1:1/name", ["Zq7x", "Wv8k"]),
    ("postgresql://neo:Zq7x?Wv8k@127.0.0.1:1/name", ["Zq7x", "Wv8k"]),
    ("postgresql://neo:Zq7x Wv8k@127.0.0.1:1/name", ["Zq7x", "Wv8k"]),
    ("postgresql:/neo:Zq7xWv@127.0.0.1/name", ["Zq7xWv"]),
    ("postgresql:neo:Zq7xWv@127.0.0.1/name", ["Zq7xWv"]),
    ("neo:Zq7xWv@127.0.0.1/name", ["Zq7xWv"]),
    ("postgresql://neo:Zq7xWv/name", ["Zq7xWv"]),
    ("mysql://neo:Zq7xWv@127.0.0.1/name", ["Zq7xWv"]),
    ("sqlite://neo:Zq7xWv@127.0.0.1/name", ["Zq7xWv"]),
    ("postgresql://127.0.0.1:1/name?user=neo&password=Zq7xWv", ["Zq7xWv"]),
    ("postgresql://127.0.0.1:1/name?password=Zq7x@Wv8k", ["Zq7x", "Wv8k"]),
    ("postgresql://127.0.0.1:1/name?password=Zq7x&Wv8k=1", ["Zq7x", "Wv8k"]),
    ("postgresql://127.0.0.1:1/name?p%61ssword=Zq7x%26Wv8k&plugin=x", ["Zq7x", "Wv8k"]),
    ("postgresql://127.0.0.1:1/name?sslpassword=Zq7xWv&sslkey=missing", ["Zq7xWv"]),
    # Of which the rest is too short to be known for a secret by itself.
    ("postgresql://neo:Zq7xWv@jJ/Kq@127.0.0.1:1/name", ["Zq7xWv", "jJ", "Kq"]),
    ("postgresql://127.0.0.1:1/name?password=Zq7xWv&jJ=1", ["Zq7xWv", "jJ"]),
    ("host=127.0.0.1 port=1 password='Zq7x Wv8k' dbname=name", ["Zq7x", "Wv8k"]),
]


@pytest.mark.parametrize(("spelling", "secrets"), SPELLINGS, ids=[spelling for spelling, _ in SPELLINGS])
def test_no_password_is_printed_wherever_a_url_stands(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    directory: str,
    capfd: pytest.CaptureFixture[str],
    spelling: str,
    secrets: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in PLACES:
        arguments = [word.replace("{}", spelling).replace("DIRECTORY", directory) for word in place]
        status = main(arguments)
        told = capfd.readouterr()
        made = "--save" in arguments and not status  # of what is no URL, and so may be the name of a folder
        assert made or status in {2, 3}, arguments
        assert made or told.err.count("\n") == 1, told.err
        assert not [secret for secret in secrets if secret in told.out + told.err], told
        assert made or not [*tmp_path.iterdir()], "a folder has the name of the URL"
        for path in tmp_path.iterdir():
            shutil.rmtree(path)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_password_of_any_letters_is_printed(capfd: pytest.CaptureFixture[str], password: str) -> None:
    told = ""
    for spelling in (password, quote(password, "")):
        url = f"postgresql:/neo:{spelling}@host/name"
        for arguments in ([url], ["db", "check", url], ["resolve", "--directory", "missing.json", url]):
            assert main(arguments) == 2
            told += capfd.readouterr().err
    assert password not in told.replace("neo-routing: ", "")


def test_a_traceback_has_stars_too() -> None:
    code = (
        "import sys; from neo_routing_adapters.command import main, prove\n"
        "def broken(*_): raise RuntimeError('no Zq7x/Wv8k: Zq7x, in Zq7x%2FWv8k')\n"
        "prove._scope = broken; main(['prove', '--scope', 'postgresql://neo:Zq7x%2FWv8k@host/name'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith("RuntimeError: no ***: ***, in ***\n")
    assert "Zq7x" not in done.stderr


def test_the_conformance_report_repeats_no_password(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    complaint = "import sys; sys.exit('no Zq7xWv here')"
    program = f'{sys.executable} -c "{complaint}" postgresql://neo:Zq7xWv@host/name'
    assert main(["conformance", "--world", "own-agent", "--command", program]) == 1
    told = capfd.readouterr()
    assert "no *** here" in told.out
    [world] = [world for world in conformance_worlds() if world.name == "own-agent"]
    lines = f"print(*['{{}}'] * {len(world.cases)}, sep=chr(10))"
    empty = shlex.join([sys.executable, "-c", lines, "postgresql://neo:Zq7xWv@host/name"])
    for more in ((), ("--json",)):
        assert main(["conformance", "--world", "own-agent", "--command", empty, *more]) == 1
        told = capfd.readouterr()
        assert told.out.count("\n") == len(world.cases)
        assert "Zq7xWv" not in told.out + told.err
    assert "postgresql://neo:***@host/name" in told.out


@pytest.mark.parametrize(
    "argument",
    [
        "sample/cases.jsonl",
        "postgresql://neo@host:5432/name",
        "postgresql://host/name?sslmode=require&passfile=secrets",
        "postgresql://[::1]:5432/name",
        "sqlite:///file:name?uri=true",
        "C:\\folder\\file.json",
        "28:6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e",
        "--directory=directory.json",
    ],
)
def test_what_holds_no_secret_is_told_in_full(argument: str) -> None:
    assert secrets_in(argument) == frozenset()


def test_the_tenant_of_a_caller_is_no_secret() -> None:
    with keeping_secrets_of(["explain", "--caller", "user:alice@msp.example", "--caller=user:bobby@msp.example"]):
        assert without_secrets("no alice, no bobby") == "no alice, no bobby"


def test_a_user_is_told_and_a_short_password_takes_nothing_out_of_words() -> None:
    with keeping_secrets_of(["postgresql://alice:a@host/name"]):
        told = without_secrets('password authentication failed for user "alice", password "a"')
    assert told == 'password authentication failed for user "alice", password "***"'
