"""What is remembered from one call to the next."""

from __future__ import annotations

import importlib
import pkgutil

import neo_routing

MODULES = [importlib.import_module(f"neo_routing.{found.name}") for found in pkgutil.iter_modules(neo_routing.__path__)]


def test_nothing_that_is_remembered_grows_with_what_callers_send() -> None:
    remembering = {
        f"{module.__name__}.{name}": value.cache_parameters()["maxsize"]
        for module in MODULES
        for name, value in vars(module).items()
        if hasattr(value, "cache_parameters")
    }
    assert remembering
    assert [name for name, most in remembering.items() if most is None] == []
