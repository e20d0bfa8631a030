"""What the fuzz targets check holds of every kept input; and the checks can fail."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from neo_routing import SessionDirectory, Tenant
from neo_routing_adapters.json_lines import answer_line
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from tests.programs.fuzz import case_lines, directory_documents, kept_inputs, strict_json
from tests.programs.fuzz.toml_text import toml_text

LINE = b'{"caller": {"kind": "user", "tenant_id": "msp-a"}, "request": {"agent_id": 12}}'
DOCUMENT = b'{"tenants": [{"id": "msp-a"}], "agents": [{"id": 12, "tenant_id": "msp-a", "kind": "CONVERSATIONAL"}]}'


@pytest.mark.parametrize(
    ("target", "check"), [("case_lines", case_lines.check), ("directory_documents", directory_documents.check)]
)
def test_the_kept_inputs_are_read_as_the_documentation_says(target: str, check: Callable[[bytes], None]) -> None:
    inputs = kept_inputs.kept(target)
    assert len(inputs) > 50
    for each in inputs:
        check(each)


def answer_with_a_rounded_number(line: bytes, directory: SessionDirectory) -> str:
    return answer_line(line.replace(b"9007199254740993.0", b"9007199254740992"), directory, trace=True)


def answer_that_takes_a_key_twice(line: bytes, directory: SessionDirectory) -> str:
    return answer_line(line.replace(b'"agent_id": 12, "agent_id": 12', b'"agent_id": 12'), directory, trace=True)


def answer_on_two_lines(line: bytes, directory: SessionDirectory) -> str:
    return answer_line(line, directory, trace=True) + "\n"


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (answer_with_a_rounded_number, LINE.replace(b"12", b"9007199254740993.0")),
        (answer_that_takes_a_key_twice, LINE.replace(b"12", b'12, "agent_id": 12')),
        (answer_on_two_lines, LINE),
    ],
)
def test_a_planted_fault_in_the_answer_to_a_line_is_seen(fault: case_lines.Answer, line: bytes) -> None:
    case_lines.check(line)
    with pytest.raises(AssertionError):
        case_lines.check(line, fault)


def read_without_the_agents(path: Path) -> MemoryDirectory:
    content = directory_documents.read_directory(path).content
    return MemoryDirectory(tenants=[row for row in content if isinstance(row, Tenant)])


def read_whatever_it_is(path: Path) -> MemoryDirectory:
    try:
        return read_directory(path)
    except ValueError:
        return MemoryDirectory()


@pytest.mark.parametrize(
    ("fault", "content"),
    [(read_without_the_agents, DOCUMENT), (read_whatever_it_is, DOCUMENT.replace(b"12", b"12.0"))],
)
def test_a_planted_fault_in_the_reader_of_documents_is_seen(fault: directory_documents.Read, content: bytes) -> None:
    directory_documents.check(content)
    with pytest.raises(AssertionError):
        directory_documents.check(content, fault)


@pytest.mark.parametrize(
    "text",
    ["", "01", "1.", "+1", "[1,]", '{"a":1,}', '{"a":1 "b":2}', "{,}", "[", '"\t"', r'"\x"', "nul", "[] []", "'a'"],
)
def test_the_second_reader_takes_nothing_that_is_no_json(text: str) -> None:
    with pytest.raises(strict_json.NotJson):
        strict_json.read(text)


@pytest.mark.parametrize("value", [{}, {"a": [1, True, 'ä\n\\"\x7f\U0001f600\u2028']}, {"": {"a b": {}}, "x": 12.5}])
def test_what_is_written_as_toml_is_read_from_it(value: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(value)) == value
