"""`neo-routing demo`: every outcome there is, once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from neo_routing import Caller, CallerKind, Outcome, RefusalCode, decide, parse_session_request
from neo_routing_adapters.command.demo import scenes
from neo_routing_adapters.memory import read_directory
from neo_routing_adapters.strict_json import read_json

if TYPE_CHECKING:
    from tests.command.conftest import Run

EVERY_OUTCOME = sorted([*map(str, Outcome), *map(str, RefusalCode)])


def test_every_outcome_is_shown_once(run: Run) -> None:
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(re.findall(r"^ ?\d+ (\w+)$", done.stdout.decode(), re.MULTILINE)) == EVERY_OUTCOME
    assert sorted(scene.outcome for scene in scenes()) == EVERY_OUTCOME
    assert len(EVERY_OUTCOME) == 18


def test_each_scene_has_its_request_its_answer_and_its_reason(run: Run) -> None:
    text = run("demo").stdout.decode()
    for label in ("asks", "answer", "because"):
        assert len(re.findall(rf"^   {label}  ", text, re.MULTILINE)) == 18


def test_it_is_plain_and_fits_80_columns_in_a_pipe(run: Run) -> None:
    text = run("demo", env={"FORCE_COLOR": "1"}).stdout.decode()
    assert "\x1b" not in text
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.splitlines())


def test_no_scene_warns_of_what_it_does_not_tell() -> None:
    assert [scene.outcome for scene in scenes() if scene.decision.warnings] == ["neo_support_fallback"]


def test_save_writes_the_sample_and_never_overwrites(run: Run, directory: str, cases: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sample"
    assert run("demo", "--save", str(folder)).returncode == 0
    assert (folder / "directory.json").read_bytes() == Path(directory).read_bytes()
    assert (folder / "cases.jsonl").read_bytes() == Path(cases).read_bytes()
    again = run("demo", "--save", str(folder))
    assert again.returncode == 2
    assert again.stderr.decode() == f"neo-routing: {folder / 'directory.json'} is there already\n"


def test_save_into_a_file_is_one_line_and_exit_status_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("demo", "--save", str(tmp_path / "file" / "below"))
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_save_writes_through_no_link_that_leads_nowhere(run: Run, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "sample", tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "cases.jsonl").symlink_to(elsewhere)
    done = run("demo", "--save", str(folder))
    assert (done.returncode, done.stderr.decode()) == (2, f"neo-routing: {folder / 'cases.jsonl'} is there already\n")
    assert not elsewhere.exists()
    assert not (folder / "directory.json").exists()
    (tmp_path / "corpus").symlink_to(elsewhere)
    done = run("conformance", "--save", str(tmp_path / "corpus"))
    assert (done.returncode, elsewhere.exists()) == (2, False)


def test_the_platforms_own_bot_is_known_and_routes_nothing(directory: str) -> None:
    document = read_json(Path(directory).read_bytes())
    [own] = [channel for channel in document["channels"] if channel["tenant_id"] == "neo-platform"]
    assert (own["status"], own.get("white_label", False)) == ("DISCONNECTED", False)
    body = {"client_id": "northwind-it", "managed_agent_key": "NEO_SUPPORT", "bot_id": own["bot_id"]}
    request = parse_session_request(body).unwrap()
    decision = decide(Caller(CallerKind.PLATFORM, "neo-platform"), request, read_directory(directory))
    assert (decision.result.unwrap().agent_id, decision.warnings) == (1001, ())
