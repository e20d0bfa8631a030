"""Mappings and sets of which a small part has changed: an overlay of what did, over a base that nobody changes.

So a state follows another in microseconds, whatever a directory holds; and whoever has the one before keeps it whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias, TypeVar, final

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

GONE: Final = None
"""In the place of a value: the key is not there. No value in the rows of a directory is this."""

_UNCHANGED: Final[Any] = object()


@final
class LayeredMapping(Mapping[_Key, _Value]):
    """A mapping as it is with its overlay."""

    __slots__ = ("_base", "_over")

    def __init__(self, base: Mapping[_Key, _Value], over: Mapping[_Key, _Value | None]) -> None:
        self._base, self._over = base, over

    def get(self, key: _Key, default: Any = None) -> Any:
        """Return the value, or the default."""
        found = self._over.get(key, _UNCHANGED)  # a single look for what has changed: decisions wait for this
        if found is _UNCHANGED:
            return self._base.get(key, default)
        return default if found is GONE else found

    def __getitem__(self, key: _Key) -> _Value:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found  # type: ignore[no-any-return]  # of whatever type the values are

    def __contains__(self, key: object) -> bool:
        return self._over[key] is not GONE if key in self._over else key in self._base  # type: ignore[index]

    def __iter__(self) -> Iterator[_Key]:
        return _keys(self._base, self._over)

    def __len__(self) -> int:
        return _length(self._base, self._over)


@final
class LayeredSet(AbstractSet[_Key]):
    """A set as it is with its overlay."""

    __slots__ = ("_base", "_over")

    def __init__(self, base: AbstractSet[_Key], over: Mapping[_Key, object]) -> None:
        self._base, self._over = base, over

    def __contains__(self, key: object) -> bool:
        return self._over[key] is not GONE if key in self._over else key in self._base  # type: ignore[index]

    def __iter__(self) -> Iterator[_Key]:
        return _keys(self._base, self._over)

    def __len__(self) -> int:
        return _length(self._base, self._over)


Base: TypeAlias = Mapping[Any, Any] | AbstractSet[Any]


def _keys(base: Base, over: Mapping[Any, Any]) -> Iterator[Any]:
    yield from (key for key in base if key not in over)
    yield from (key for key, value in over.items() if value is not GONE)


def _length(base: Base, over: Mapping[Any, Any]) -> int:
    return len(base) + sum((value is not GONE) - (key in base) for key, value in over.items())


class Layers:
    """One mapping or set of a directory while it changes, for whoever changes it: one thread."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._over: dict[Any, Any] = {}
        self._is_shown = False

    def get(self, key: Any) -> Any:
        """Return the value of a mapping as it is now, or `None`."""
        if key in self._over:
            return self._over[key]
        return self._base.get(key) if isinstance(self._base, Mapping) else None

    def put(self, key: Any, value: Any) -> None:
        """Have the key a value from now on; with `None`, or an empty group, it is not there."""
        if self._is_shown:
            self._over, self._is_shown = dict(self._over), False
        self._over[key] = value if value or value == "" else GONE

    def shown(self) -> Any:
        """Return what it is now, which stays as it is."""
        if not self._over:
            return self._base
        self._is_shown = True
        layered: type[Any] = LayeredMapping if isinstance(self._base, Mapping) else LayeredSet
        return layered(self._base, self._over)

    @property
    def changed(self) -> int:
        """How many keys the overlay has."""
        return len(self._over)

    def parts(self) -> tuple[Base, dict[Any, Any]]:
        """Return base and overlay as they are now, to be made one; neither changes any more."""
        self._is_shown = True
        return self._base, self._over

    def rest_on(self, base: Base, over: Mapping[Any, Any]) -> None:
        """Take this base, made of the former one and of that overlay; what has changed since stays over it."""
        since = {key: value for key, value in self._over.items() if key not in over or over[key] is not value}
        self._base, self._over, self._is_shown = base, since, False
