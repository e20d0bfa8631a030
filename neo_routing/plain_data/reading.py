"""Plain data that is being read: what a value must be, and where it stands, so that an error can say so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar

from attrs import frozen

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.names import Name
from neo_routing.plain_text import plain_text
from neo_routing.printable import printable

_Read = TypeVar("_Read")
_AName = TypeVar("_AName", bound=Name)

_LONGEST_SHOWN: Final = 60
_members_of: Final[Callable[..., Mapping[str, Any]]] = lru_cache(maxsize=64)(well_formed.members_of)


@frozen
class Plain:
    """A value of plain data, as a reader of JSON returns it, and its place in what is read.

    Plain data are dicts with text for keys, lists, text, integers, truth values and `None`. Each method accepts what
    its name says, and raises `IllFormed` on all else, with the place.

    >>> agent = Plain({"id": 12, "kind": "talkative"}, ("agents", 0)).members("id", "kind")
    >>> agent["id"].integer()
    12
    >>> agent["kind"].text()
    'talkative'
    >>> agent["kind"].integer()
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: agents[0].kind must be an integer
    """

    value: Any
    path: tuple[str | int, ...]

    @property
    def place(self) -> str:
        """Where it stands, in words that can be shown."""
        root, *steps = self.path
        return str(root) + "".join(
            f"[{step}]" if isinstance(step, int) else f".{printable(step[:_LONGEST_SHOWN])}" for step in steps
        )

    def wrong(self, words: str) -> NoReturn:
        """Raise the error that completes "this place …"."""
        raise IllFormed(words, place=self.place)

    def read(self, convert: Callable[[Any], _Read]) -> _Read:
        """Return what a function makes of the value that raises `IllFormed` without a place."""
        try:
            return convert(self.value)
        except IllFormed as error:
            raise IllFormed(error.words, error.complaint, self.place) from None

    def text(self) -> str:
        """Accept text of any content and length."""
        return self.read(plain_text)

    def integer(self) -> int:
        """Accept an integer of any size; a truth value is none."""
        return self.value if type(self.value) is int else self.wrong("must be an integer")

    def truth_value(self) -> bool:
        """Accept true and false."""
        return self.read(well_formed.boolean)

    def name(self, names: type[_AName]) -> _AName:
        """Accept the text of a member of a closed set."""
        members: Mapping[str, _AName] = _members_of(names)
        return self.read(lambda value: well_formed.member(value, members))

    def optional(self, read: Callable[[Plain], _Read]) -> _Read | None:
        """Accept `None`, and what that accepts."""
        return None if self.value is None else read(self)

    def each(self, read: Callable[[Plain], _Read]) -> tuple[_Read, ...]:
        """Accept a list of what that accepts."""
        if type(self.value) is not list:
            self.wrong("must be a list")
        return tuple([read(Plain(item, (*self.path, number))) for number, item in enumerate(self.value)])

    def members(self, *required: str, optional: Collection[str] = (), others: bool = False) -> Mapping[str, Plain]:
        """Accept an object with all that is required, and with nothing that is not known unless others are let in."""
        if type(self.value) is not dict or not all(type(name) is str for name in self.value):
            self.wrong("must be an object")
        members = {name: Plain(member, (*self.path, name)) for name, member in self.value.items()}
        for name in required:
            if name not in members:
                raise IllFormed("is missing", place=f"{self.place}.{name}")
        for name, member in members.items():
            if not others and name not in required and name not in optional:
                member.wrong("is not a known key")
        return members
