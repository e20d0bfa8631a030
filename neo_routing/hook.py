"""What a host hangs onto an engine: it is told of each decision and each outage, and can change and fail neither."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from datetime import datetime
from typing import Final, Generic, TypeVar

from attrs import define

from neo_routing.counts import Counts, HookTrouble
from neo_routing.raised import place_of, said

Notice = TypeVar("Notice")


@define(eq=False)
class _Call:
    """A call of a hook, as it is seen in its context and in whatever was copied from that."""

    hook: object
    outer: _Call | None
    over: bool = False


_CALL: Final[ContextVar[_Call | None]] = ContextVar("neo_routing_hook", default=None)


class Hook(Generic[Notice]):
    """Calls a host's function with whatever there is to tell, and keeps what goes wrong there to itself.

    An `Exception` of the function, of `new_id` or of `now` is counted, and of the last one its words are kept. So is a
    coroutine or a generator that the function returns, because nobody would run it. What is no `Exception` is not the
    hook's: Ctrl-C, the end of the process, a task or a greenlet that is stopped. It goes through.

    A decision that the function makes itself, by the engine that told it, is not told in turn: that would never end.
    """

    def __init__(
        self, tell: Callable[[Notice], None], new_id: Callable[[], str], now: Callable[[], datetime], counts: Counts
    ) -> None:
        self._tell = tell
        self._new_id = new_id
        self._now = now
        self._counts = counts
        self.last_error: str | None = None

    def tell(self, notice: Callable[..., Notice]) -> None:
        """Make the notice, of an `id` and a `time`, and tell it."""
        outer = _CALL.get()
        while outer is not None and outer.over:  # or a chain of callbacks, each with a copy of the context, would grow
            outer = outer.outer
        if self._is_within(outer):
            self._counts.troubled(HookTrouble.WITHIN_ITSELF)
            return
        call = _Call(self, outer)
        before = _CALL.set(call)
        try:
            returned: object = self._tell(notice(id=self._new_id(), time=self._now()))
            if returned is not None:
                _finish(returned)
        except Exception as error:  # noqa: BLE001  # the host's, and no decision may fail of it
            self._counts.troubled(HookTrouble.FAILED)
            self.last_error = _in_words(error)
        finally:
            call.over = True  # for a task that was begun meanwhile, and has a copy of the context
            _CALL.reset(before)

    def _is_within(self, call: _Call | None) -> bool:
        while call is not None:
            if call.hook is self and not call.over:
                return True
            call = call.outer
        return False


def _in_words(error: Exception) -> str:
    # Not the error itself: with its traceback it would keep the directory that was decided on, and all its callers had.
    name, words = said(lambda: type(error).__name__), said(lambda: str(error))
    return f"{name}: {words} ({place_of(error)})"


def _finish(returned: object) -> None:
    if isinstance(returned, Coroutine | Generator):
        returned.close()  # or it would warn of itself
    if isinstance(returned, Awaitable | Generator | AsyncGenerator):
        raise TypeError(f"a hook is called and not awaited: it returned a {type(returned).__name__}, which did not run")
