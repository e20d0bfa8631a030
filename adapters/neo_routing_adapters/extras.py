"""What to install where an optional part of the library is missing, though the library is in no index."""

from __future__ import annotations


def how_to_install(extra: str) -> str:
    """Return how an extra is installed, as the end of a sentence.

    >>> print(how_to_install("sql"))
    install the extra "sql": pip install '.[sql]' in a copy of the project, or the wheel's file name with [sql] after it
    """
    return (
        f"install the extra \"{extra}\": pip install '.[{extra}]' in a copy of the project, "
        f"or the wheel's file name with [{extra}] after it"
    )
