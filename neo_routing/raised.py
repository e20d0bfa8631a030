"""What an exception of the host's has to say, whose class may be any: it is read without trust in that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_OWN: Final = vars(BaseException)
"""How Python itself reads an exception: a subclass may have a property of that name, which fails."""


def cause_of(error: BaseException) -> BaseException | None:
    """Return what an exception was raised from."""
    cause: BaseException | None = _OWN["__cause__"].__get__(error)
    return cause


def place_of(error: BaseException) -> str:
    """Tell where an exception was raised."""
    step: Any = _OWN["__traceback__"].__get__(error)
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "nowhere" if step is None else f"{step.tb_frame.f_code.co_filename}, line {step.tb_lineno}"


def said(say: Callable[[], str]) -> str:
    """Return what this says as plain text, or that it cannot be told.

    >>> said(lambda: str(ValueError("wrong"))), said(lambda: 7)
    ('wrong', 'what cannot be told')
    """
    try:
        return str.__str__(say())  # a class of the host's may fail to be formatted
    except Exception:  # noqa: BLE001  # or to be told at all
        return "what cannot be told"
