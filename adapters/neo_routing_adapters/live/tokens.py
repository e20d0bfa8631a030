"""What a writer hands on so that somebody can wait for what he wrote."""

from __future__ import annotations

from neo_routing_adapters.live.positions import Position


class UnknownToken(ValueError):
    """A token of another database, or of before a failover: nobody knows whether what it stands for is there."""

    def __init__(self) -> None:
        super().__init__("this token is of another database, or of before a failover")


def is_reached(token: str, position: Position) -> bool:
    """Tell whether what the token stands for can be seen at a position. Raises `UnknownToken`."""
    database, _, transaction = token.rpartition("@")
    of_position = str(position.database)
    same = database.startswith(of_position) if position.is_standby else database == of_position
    if not (database and same and transaction.isdecimal()):
        raise UnknownToken
    number, snapshot = int(transaction), position.snapshot
    # A standby does not say which transactions are running, but which is the oldest.
    return number < snapshot.oldest if position.is_standby else snapshot.sees(number)
