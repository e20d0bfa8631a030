"""Runs a target under Atheris: what is instrumented, how inputs are changed, and what it begins with."""

from __future__ import annotations

import json
import random
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.programs.fuzz import kept_inputs
from tests.programs.fuzz.toml_text import toml_text

DICTIONARY: Final = Path(__file__).with_name("dictionary.txt")
INSTRUMENTED: Final = ["neo_routing", "neo_routing_adapters", "tomllib", f"{__package__}.strict_json"]
_WORDS: Final = [
    *("caller", "request", "kind", "tenant_id", "platform", "user", "service_account", "agent_id", "managed_agent_key"),
    *("NEO_SUPPORT", "bot_id", "client_id", "inbound_tenant_id", "title", "tenants", "agents", "channels"),
    *("end_companies", "id", "name", "CONVERSATIONAL", "TRIGGERED", "managed_key", "status", "ACTIVE", "DISCONNECTED"),
    *(
        "white_label",
        "installed_m365_tenant_ids",
        "show_agent_progress_steps",
        "m365_tenant_ids",
        "msp-a",
        "label-fine",
    ),
    *("", " ", "28:", "{}", "\0", "\ud800", "\U0001f600", "\u2028", "x" * 257, "6f0c2e7a51b84d0c9a3e7d1f2b3c4d5e"),
]
_VALUES: Final = [*_WORDS, None, True, False, 0, 1, 12, -1, 12.0, 12.5, 2**53, 2**63 - 1, 2**63, 10**600, [], {}]


def main(target: str, options: list[str]) -> None:
    """Fuzz a target with options of libFuzzer."""
    import atheris  # noqa: PLC0415  # nothing but this needs it

    with atheris.instrument_imports(include=INSTRUMENTED, exclude=["neo_routing.testing"]):
        module: Any = import_module(f"{__package__}.{target}")
    folder = Path(options[-1])
    if folder.is_dir() and "-merge=1" not in options:
        kept_inputs.unpack([*kept_inputs.kept(target), *module.seeds()], folder)

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        changed = mutated(data, random.Random(seed))
        return changed if changed is not None and len(changed) <= max_size else atheris.Mutate(data, max_size)

    again = shlex.join([sys.executable, "-m", f"{__package__}.fuzz", target])  # libFuzzer starts it anew, to merge
    atheris.Setup([again, f"-dict={DICTIONARY}", *options], module.check, custom_mutator=mutator)
    atheris.Fuzz()


def mutated(data: bytes, chance: random.Random) -> bytes | None:
    """Change some values in a text that is JSON or TOML; often, and of other texts always, leave that to the fuzzer.

    >>> mutated(b"no document", random.Random(1)) is None
    True
    """
    if chance.random() < 0.4:
        return None
    for read, write in ((json.loads, json.dumps), (tomllib.loads, toml_text)):
        try:
            holder = [read(data.decode())]
            for _ in range(chance.randint(1, 4)):
                _change(holder, chance)
            return write(holder[0]).encode()
        except (ValueError, RecursionError, AttributeError):  # no such text, or what cannot be written so
            continue
    return None


def _change(holder: list[Any], chance: random.Random) -> None:
    places = [*_places(holder)]
    container, key = chance.choice(places)
    chance.choice(_CHANGES)(container, key, places, chance)


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    for key in container if isinstance(container, dict) else range(len(container)):
        yield container, key
        if isinstance(container[key], dict | list):
            yield from _places(container[key])


def _replace(container: Any, key: Any, _: Any, chance: random.Random) -> None:
    container[key] = chance.choice(_VALUES)


def _copy(container: Any, key: Any, places: list[tuple[Any, Any]], chance: random.Random) -> None:
    other, there = chance.choice(places)
    container[key] = json.loads(json.dumps(other[there]))


def _spell(container: Any, key: Any, _: Any, chance: random.Random) -> None:
    value = container[key]
    if isinstance(value, str):
        container[key] = chance.choice(
            [value.upper(), f"{{{value}}}", f"28:{value}", f" {value}\u00a0", value * 2, value[1:]]
        )
    elif isinstance(value, int):
        container[key] = chance.choice([-value, value + 1, float(value) if abs(value) < 2**60 else 1, str(value)])


def _add(container: Any, key: Any, places: list[tuple[Any, Any]], chance: random.Random) -> None:
    inner = container[key]
    if isinstance(inner, dict):
        inner[chance.choice(_WORDS)] = chance.choice(_VALUES)
    elif isinstance(inner, list):
        other, there = chance.choice(places)
        inner.append(json.loads(json.dumps(other[there])))


def _leave_out(container: Any, key: Any, places: list[tuple[Any, Any]], _: Any) -> None:
    if container is not places[0][0]:
        del container[key]


_CHANGES: Final[list[Callable[..., None]]] = [_replace, _replace, _copy, _spell, _add, _add, _leave_out]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
