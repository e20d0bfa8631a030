"""The version of this library: the one place where it stands, which packaging reads as well."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
