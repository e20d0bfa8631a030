"""The look-up: the rows that a decision needs, or the outage, out of a database that may be somebody else's."""
