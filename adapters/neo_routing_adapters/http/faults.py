"""What goes wrong on our side: which answer it gets, and how it is told to operators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from neo_routing import DirectoryUnavailable
from neo_routing.printable import printable
from neo_routing_adapters.http.answers import INTERNAL_ERROR, ErrorCode, Refused, unavailable
from neo_routing_adapters.http.ports import AuthenticationUnavailable, RateLimitUnavailable, SessionStoreUnavailable

_UNAVAILABLE: Final = {
    AuthenticationUnavailable: ErrorCode.AUTHENTICATION_UNAVAILABLE,
    RateLimitUnavailable: ErrorCode.RATE_LIMIT_UNAVAILABLE,
    DirectoryUnavailable: ErrorCode.DIRECTORY_UNAVAILABLE,
    SessionStoreUnavailable: ErrorCode.SESSIONS_UNAVAILABLE,
}
_LONGEST_CAUSE: Final = 300
_MOST_CAUSES: Final = 10


def fault_answer(error: Exception) -> Refused:
    """Return the answer to a call on which this went wrong; nothing of the error is in it."""
    code = _unavailable_code(error)
    return INTERNAL_ERROR if code is None else unavailable(code)


def fault_in_words(error: Exception) -> str:
    """Tell operators what went wrong: who was unavailable, and why; of any other error the classes and the places.

    What another error says of itself is left out, because it may quote what a caller sent.

    >>> fault_in_words(DirectoryUnavailable())
    'The directory cannot answer at the moment.'
    >>> fault_in_words(ValueError("the title is 'secret'"))
    'ValueError at nowhere'
    """
    if _unavailable_code(error) is None:
        return ", because of ".join(f"{type(each).__name__} at {_place(each)}" for each in _causes(error))
    cause = error.__cause__
    return str(error) if cause is None else f"{error} {printable(repr(cause)[:_LONGEST_CAUSE])}"


def _unavailable_code(error: Exception) -> ErrorCode | None:
    return next((code for kind, code in _UNAVAILABLE.items() if isinstance(error, kind)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _place(error: BaseException) -> str:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "nowhere" if step is None else f"{step.tb_frame.f_code.co_filename}, line {step.tb_lineno}"
