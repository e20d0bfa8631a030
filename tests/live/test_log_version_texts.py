"""What each version of the change log is: it stands in `log_versions/`, to be read.

Somebody may have a log of a version that was released, so that stays what it is: whatever is to be otherwise gets
another version in `VERSIONS`, and another file. One that no release has had may be written anew:

    python tests/live/test_log_version_texts.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from neo_routing_adapters.sql.change_log import log_statements
from neo_routing_adapters.sql.change_log_version import VERSIONS
from neo_routing_adapters.sql.change_triggers import KEYS, function_statements, trigger_statements

FOLDER: Final = Path(__file__).with_name("log_versions")


def statements() -> Iterator[str]:
    _is_no_other, *log = log_statements("public")
    yield from log
    yield from function_statements("public", "logged", "SELECT sort, id FROM changed")
    for table, by_row, is_copied in (("plain", False, False), ("parted", True, False), ("part", True, True)):
        yield from trigger_statements("public", table, "logged", by_row=by_row, is_copied=is_copied)
    for relation, keys in KEYS.items():
        yield f"-- {relation}: {keys}"


def text() -> str:
    return "".join(f"{statement};\n" for statement in statements())


def test_each_version_is_what_it_was_when_it_was_released() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.sql")) == sorted(VERSIONS)
    written = (FOLDER / f"{VERSIONS[-1]}.sql").read_text(encoding="utf-8")
    assert text() == written, "was this version released? then add another one to VERSIONS"


if __name__ == "__main__":
    (FOLDER / f"{VERSIONS[-1]}.sql").write_text(text(), encoding="utf-8")
