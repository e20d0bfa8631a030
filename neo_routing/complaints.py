"""What can be wrong with a single value, and how whoever gave it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Attribute

from neo_routing.names import Name


class Complaint(Name):
    """What is wrong with a field of a request, or with a case as a whole: a stable name for programs to go by."""

    NOT_AN_OBJECT = "not_an_object"
    NOT_A_STRING = "not_a_string"
    NOT_AN_INTEGER = "not_an_integer"
    UNKNOWN_KEY = "unknown_key"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    BLANK = "blank"
    UNUSABLE = "unusable"
    NO_CASE = "no_case"
    NO_USABLE_CALLER = "no_usable_caller"


class IllFormed(ValueError):
    """A value is not what it must be: `words` complete "this field …", and `complaint` names what requests know of.

    >>> print(IllFormed("must not be blank", Complaint.BLANK, place="Tenant.id"))
    Tenant.id must not be blank
    """

    def __init__(self, words: str, complaint: Complaint | None = None, place: str = "") -> None:
        super().__init__(f"{place} {words}" if place else words)
        self.words = words
        self.complaint = complaint
        self.place = place

    def __reduce__(self) -> tuple[type[IllFormed], tuple[str, Complaint | None, str]]:
        return IllFormed, (self.words, self.complaint, self.place)


def naming_its_fields(model: type[Any], fields: list[Attribute[Any]]) -> list[Attribute[Any]]:
    """Let the converters of a class say which class and field is wrong: a `field_transformer` of attrs."""
    return [
        field.evolve(converter=_naming(f"{model.__name__}.{field.name}", field.converter)) if field.converter else field
        for field in fields
    ]


def _naming(place: str, converter: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return converter(value)
        except IllFormed as error:
            raise IllFormed(error.words, error.complaint, place) from None

    return convert
