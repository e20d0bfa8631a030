"""The words in which a set of calls is said as data: what parts it from others, and which ids it has."""

from __future__ import annotations

from neo_routing.names import Name


class Layer(Name):
    """What parts calls: the rows that the clauses look at, one after the other. A call is in the first that fits."""

    INSTALLATION = "installation"
    """The platform's calls with a bot and an M365 tenant for which a white-label channel is installed."""
    ACTIVE_CHANNEL = "active_channel"
    """Those with a bot of which the target tenant has an ACTIVE channel."""
    PAUSED_CHANNEL = "paused_channel"
    """Those with a bot of which the target tenant has DISCONNECTED channels alone."""
    NO_CHANNEL = "no_channel"
    """Those with a bot of which the target tenant has no channel."""
    NO_BOT = "no_bot"
    """Those without a bot."""
    OWN_AGENT = "own_agent"
    """Everybody else's calls with an agent's id."""
    OWN_MANAGED_AGENT = "own_managed_agent"
    """Everybody else's calls with a managed key."""


class Which(Name):
    """Which ids a set of calls has in one place."""

    ANY = "any"
    """Absent or given: it makes no difference."""
    ABSENT = "absent"
    """Not given."""
    GIVEN = "given"
    """Given, whatever it says."""
    ONE = "one"
    """This id, which stands beside it."""
    OTHER = "other"
    """Given, and none that parts the calls of this layer: not installed with the bot, not in a set of its own."""
    UNKNOWN = "unknown"
    """One that is not in the directory: a tenant, a bot that no channel has, an agent."""
    WHITE_LABEL = "white_label"
    """A bot that white-label channels have, though the target tenant has no channel with it."""
    STANDARD = "standard"
    """A bot that standard channels alone have, though the target tenant has no channel with it."""
    FOREIGN = "foreign"
    """An agent of another tenant."""
    OWNER_OR_ABSENT = "owner_or_absent"
    """A `client_id` that is absent, or that of an owner of the channels that are installed there."""
    ANOTHER = "another"
    """Any other `client_id`."""
