"""The kept inputs of the fuzz targets: a text file for each, with an input on each line.

A line is a JSON string if the input is UTF-8, and otherwise a list with its Base64. To keep what a run has found, first
let the fuzzer leave out what adds nothing (`-merge=1`), then:

    python -m tests.programs.fuzz.kept_inputs case_lines folder
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("corpus")
LARGEST: Final = 1000
"""How many bytes a kept input may have: who reads it when it fails should be able to."""


def kept(target: str) -> list[bytes]:
    """Return the kept inputs of a target."""
    return [_input(line) for line in _file(target).read_text("utf-8").splitlines()]


def keep(target: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs of a target, and no others."""
    small = sorted({each for each in inputs if len(each) <= LARGEST}, key=lambda each: (len(each), each))
    _file(target).write_text("".join(f"{_line(each)}\n" for each in small), "utf-8")


def unpack(inputs: Iterable[bytes], folder: Path) -> None:
    """Write each input to a file of its own, as the fuzzer wants them."""
    for each in inputs:
        (folder / sha256(each).hexdigest()[:40]).write_bytes(each)


def _file(target: str) -> Path:
    return FOLDER / f"{target}.jsonl"


def _line(content: bytes) -> str:
    try:
        return json.dumps(content.decode())
    except UnicodeDecodeError:
        return json.dumps([b64encode(content).decode()])


def _input(line: str) -> bytes:
    written = json.loads(line)
    return written.encode() if isinstance(written, str) else b64decode(written[0])


if __name__ == "__main__":
    keep(sys.argv[1], [path.read_bytes() for path in Path(sys.argv[2]).iterdir()])
