"""Plain data as TOML: what a directory document says in JSON, said in TOML."""

from __future__ import annotations

from typing import Any


def toml_text(document: dict[str, Any]) -> str:
    r"""Write a document as TOML. What is null is left out, as TOML has no null.

    >>> print(toml_text({"tenants": [{"id": "msp\n", "name": None}], "agents": [{"id": 12, "x": [True]}]}), end="")
    "tenants" = [{"id" = "msp\u000a"}]
    "agents" = [{"id" = 12, "x" = [true]}]
    """
    return "".join(f"{_text(name)} = {_value(value)}\n" for name, value in document.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{_text(name)} = {_value(each)}" for name, each in value.items() if each is not None)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value if each is not None) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    return '"' + "".join(each if each.isprintable() and each not in '"\\' else _escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    code_point = ord(character)
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else f"\\U{code_point:08x}"
