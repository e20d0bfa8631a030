"""Text without anything that the class of a value adds to it: a subclass of `str` may override any method."""

from __future__ import annotations

from neo_routing.complaints import Complaint, IllFormed


def plain_text(value: str) -> str:
    """Accept text of any content and length, and return it as a plain `str`.

    >>> plain_text("MSP A")
    'MSP A'
    >>> plain_text(b"MSP A")
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: must be a string
    """
    if type(value) is str:  # nearly always
        return value
    if issubclass(type(value), str):
        return str.__str__(value)
    raise IllFormed("must be a string", Complaint.NOT_A_STRING)
