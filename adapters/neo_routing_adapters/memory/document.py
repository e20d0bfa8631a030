"""Directory documents: JSON or TOML files that hold a whole directory (section 8)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from attrs import NOTHING, Attribute, fields
from neo_routing import Agent, Channel, EndCompany, Tenant, well_formed

from neo_routing_adapters.memory.directory import MemoryDirectory
from neo_routing_adapters.memory.problems import InvalidDirectory, Problem

_Row = TypeVar("_Row", Tenant, Agent, Channel, EndCompany)

_COLLECTIONS: Final[Mapping[str, type[Tenant] | type[Agent] | type[Channel] | type[EndCompany]]] = {
    "tenants": Tenant,
    "agents": Agent,
    "channels": Channel,
    "end_companies": EndCompany,
}
