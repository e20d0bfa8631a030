"""The rules a second time: tables, and relations over the plain rows of a directory document.

Written from docs/rules.md and docs/json-forms.md alone. It imports nothing of the package, so whatever it shares with
the core is what those pages say. Documents, callers and requests are what a JSON reader gives, and documents are valid.

A question is all that can be known without a row. It ends in *places*: keys under which a directory may hold the
ending of the decision. The first of them that is found has it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

Row: TypeAlias = Mapping[str, Any]
Step: TypeAlias = tuple[str, str, str]
"""Clause, verdict and reason."""
Result: TypeAlias = tuple[str | tuple[int, str], str | None, int | None, str | None, str | None, bool | None]
"""The outcome of a success, or status and code of a refusal; then what `TARGET` names."""
Found: TypeAlias = tuple[str, tuple[Any, ...]]
"""The name of a list, and the ids of the rows in it that a step turned on."""
Answer: TypeAlias = tuple[
    str | tuple[int, str],
    str | None,
    int | None,
    str | None,
    str | None,
    bool | None,
    tuple[str, ...],
    tuple[Step, ...],
    tuple[Found, ...],
]
"""A result, and after it the warnings, the steps, and what the last of these turned on, from one that found something.
"""

# All the steps there are: by clause and reason the verdict, and what a refusal is refused with.
STEPS: Final[Mapping[tuple[str, str], tuple[str, tuple[int, str] | None]]] = {
    ("request-shape", "well_formed"): ("passed", None),
    ("request-shape", "malformed"): ("refused", (422, "validation_error")),
    ("client-id-reserved", "platform_caller"): ("passed", None),
    ("client-id-reserved", "no_client_id"): ("passed", None),
    ("client-id-reserved", "client_id_given"): ("refused", (403, "client_id_forbidden")),
    ("one-selector", "agent_id_given"): ("passed", None),
    ("one-selector", "managed_key_given"): ("passed", None),
    ("one-selector", "no_selector"): ("refused", (422, "agent_selector_invalid")),
    ("one-selector", "two_selectors"): ("refused", (422, "agent_selector_invalid")),
    ("platform-confined", "no_agent_id"): ("passed", None),
    ("platform-confined", "agent_id_given"): ("refused", (403, "agent_id_forbidden")),
    ("platform-ids", "ids_usable"): ("passed", None),
    ("platform-ids", "blank_id"): ("refused", (422, "validation_error")),
    ("platform-ids", "unusable_id"): ("refused", (422, "validation_error")),
    ("own-agent", "agent_available"): ("matched", None),
    ("own-agent", "agent_missing"): ("refused", (404, "agent_not_found")),
    ("own-agent", "agent_of_another_tenant"): ("refused", (404, "agent_not_found")),
    ("own-agent", "agent_not_conversational"): ("refused", (422, "agent_not_conversational")),
    ("own-managed-agent", "agent_available"): ("matched", None),
    ("own-managed-agent", "agent_missing"): ("refused", (404, "managed_agent_not_found")),
    ("own-managed-agent", "several_agents"): ("refused", (409, "managed_agent_unavailable")),
    ("own-managed-agent", "agent_not_conversational"): ("refused", (409, "managed_agent_unavailable")),
    ("white-label-installation", "no_bot_id"): ("not_applicable", None),
    ("white-label-installation", "no_inbound_tenant_id"): ("not_applicable", None),
    ("white-label-installation", "one_active_installation"): ("matched", None),
    ("white-label-installation", "no_installation"): ("passed_over", None),
    ("white-label-installation", "several_active_installations"): ("refused", (409, "channel_ambiguous")),
    ("white-label-installation", "installation_disconnected"): ("refused", (409, "channel_not_active")),
    ("active-channel", "no_bot_id"): ("not_applicable", None),
    ("active-channel", "one_active_channel"): ("matched", None),
    ("active-channel", "no_active_channel"): ("passed_over", None),
    ("active-channel", "several_active_channels"): ("refused", (409, "channel_ambiguous")),
    ("neo-support", "agent_available"): ("matched", None),
    ("neo-support", "tenant_missing"): ("refused", (404, "tenant_not_found")),
    ("neo-support", "agent_missing"): ("refused", (404, "managed_agent_not_found")),
    ("neo-support", "several_agents"): ("refused", (409, "managed_agent_unavailable")),
    ("neo-support", "agent_not_conversational"): ("refused", (409, "managed_agent_unavailable")),
    ("end-company", "standard_channel"): ("not_applicable", None),
    ("end-company", "one_company_linked"): ("passed", None),
    ("end-company", "no_inbound_tenant_id"): ("refused", (409, "end_company_not_mapped")),
    ("end-company", "no_company_linked"): ("refused", (409, "end_company_not_mapped")),
    ("end-company", "several_companies_linked"): ("refused", (409, "end_company_not_mapped")),
    ("channel-agent", "agent_available"): ("passed", None),
    ("channel-agent", "agent_missing"): ("refused", (409, "channel_agent_unavailable")),
    ("channel-agent", "agent_of_another_tenant"): ("refused", (409, "channel_agent_unavailable")),
    ("channel-agent", "agent_not_conversational"): ("refused", (409, "channel_agent_unavailable")),
}

SELECTOR: Final = "Give exactly one of agent_id and managed_agent_key."
NO_AGENT: Final = "There is no such agent in your account. Check agent_id."
MANAGED: Final = (
    "The managed agent of this account is not available. For administrators: the account must have exactly one, and it "
    "must be conversational."
)
CHANNEL_AGENT: Final = (
    "This assistant is not available at the moment. For administrators: choose one of your own conversational agents "
    "for its channel."
)
MESSAGES: Final[Mapping[tuple[str, str], str]] = {
    ("validation_error", "malformed"): "{not_valid}",
    ("client_id_forbidden", "client_id_given"): (
        "client_id is reserved for the platform. Leave it out: the session is always created for your own account."
    ),
    ("agent_selector_invalid", "no_selector"): SELECTOR,
    ("agent_selector_invalid", "two_selectors"): SELECTOR,
    ("agent_id_forbidden", "agent_id_given"): (
        "The platform cannot choose an agent by agent_id. Give managed_agent_key instead."
    ),
    ("validation_error", "blank_id"): "{not_valid}",
    ("validation_error", "unusable_id"): "{not_valid}",
    ("agent_not_found", "agent_missing"): NO_AGENT,
    ("agent_not_found", "agent_of_another_tenant"): NO_AGENT,
    ("agent_not_conversational", "agent_not_conversational"): (
        "This agent cannot hold a conversation. Choose a conversational agent."
    ),
    ("managed_agent_not_found", "agent_missing"): (
        "This account has no agent for that managed_agent_key. Ask the platform's support to set it up."
    ),
    ("managed_agent_unavailable", "several_agents"): MANAGED,
    ("managed_agent_unavailable", "agent_not_conversational"): MANAGED,
    ("channel_ambiguous", "several_active_installations"): (
        "It is not clear which assistant should answer here. For administrators: this bot is installed for your "
        "organisation by several active channels; keep one of these installations."
    ),
    ("channel_not_active", "installation_disconnected"): (
        "This assistant is paused for your organisation. For administrators: reconnect its channel."
    ),
    ("channel_ambiguous", "several_active_channels"): (
        "It is not clear which assistant should answer here. For administrators: several active channels claim this "
        "bot; keep one of them active."
    ),
    ("tenant_not_found", "tenant_missing"): (
        "The account that this session is meant for does not exist. Check client_id, or your own account if you gave "
        "none."
    ),
    ("end_company_not_mapped", "no_inbound_tenant_id"): (
        "This assistant needs to know which organisation you write from, and your message does not say. For "
        "administrators: send inbound_tenant_id, the M365 tenant that the message comes from, and link that to exactly "
        "one company."
    ),
    ("end_company_not_mapped", "no_company_linked"): (
        "This assistant is not set up for your organisation yet. For administrators: link M365 tenant "
        "{m365_tenant_id} to exactly one company."
    ),
    ("end_company_not_mapped", "several_companies_linked"): (
        "This assistant cannot tell which company you belong to. For administrators: M365 tenant {m365_tenant_id} is "
        "linked to several companies; keep one link of the several."
    ),
    ("channel_agent_unavailable", "agent_missing"): CHANNEL_AGENT,
    ("channel_agent_unavailable", "agent_of_another_tenant"): CHANNEL_AGENT,
    ("channel_agent_unavailable", "agent_not_conversational"): CHANNEL_AGENT,
}

LARGEST: Final = 10**600
SMALL_LETTERS: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
GUID: Final = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
USABLE: Final = frozenset(string.ascii_lowercase + string.digits + "-._")
OF_A_BOT: Final = ("28:gcch-global:", "28:dod-global:", "28:orgid:", "28:gcch:", "28:dod:", "28:")


@lru_cache(maxsize=65536)
def normal_form(text: str, prefixes: tuple[str, ...] = ()) -> str:
    """Give the normal form of an M365 tenant id, or with the prefixes of a bot that of a bot id.

    >>> normal_form("{ 28:ORGID:28:HelpDesk }", OF_A_BOT), normal_form("28:Contoso.Example")
    ('helpdesk', '28:contoso.example')
    """
    left = text.strip()
    left = left[1:-1] if len(left) > 1 and left[0] == "{" and left[-1] == "}" else left
    begins = left.translate(SMALL_LETTERS)
    left = left[max((len(prefix) for prefix in prefixes if begins.startswith(prefix)), default=0) :]
    if left != text:
        return normal_form(left, prefixes)
    small = left.translate(SMALL_LETTERS)
    guid = GUID.fullmatch(small.replace("-", ""))
    return "-".join(guid.groups()) if guid else small


def is_integer(value: Any) -> bool:
    """Tell whether JSON Schema takes a number for an integer.

    >>> [is_integer(value) for value in (42, 42.0, Decimal("42e0"), True, "42", 42.5, float("inf"))]
    [True, True, True, False, False, False, False]
    """
    match value:
        case bool():
            return False
        case int():
            return True
        case float():
            return value.is_integer()
        case Decimal():
            return value.is_finite() and value == value.to_integral_value()
        case _:
            return False


def is_clean(text: str) -> bool:
    r"""Tell whether a text is valid Unicode without NUL.

    >>> is_clean("Ä\U0001f600"), is_clean("\x00"), is_clean("\ud800")
    (True, False, False)
    """
    return not re.search(r"[\x00\ud800-\udfff]", text)


def is_blank(text: str) -> bool:
    """Tell whether there is nothing in a text but white space.

    >>> is_blank(""), is_blank(" \u2003"), is_blank(" x ")
    (True, True, False)
    """
    return not text.strip()


Complaint: TypeAlias = tuple[str, str]
"""What is wrong with a field, as a code and in words."""
Complaints: TypeAlias = Sequence[tuple[Complaint, Callable[[Any], bool]]]
"""What may be wrong with a field, the first that applies first."""

NOT_A_STRING: Final = ("not_a_string", "must be a string")
BLANK: Final[Complaints] = ((("blank", "must not be blank"), is_blank),)
UNUSABLE: Final[Complaints] = (
    (
        ("unusable", "must be a GUID, or a name of ASCII letters, digits, hyphens, dots and underscores"),
        lambda value: not USABLE.issuperset(value),
    ),
)


def text_of(limit: int) -> Complaints:
    """Give the complaints of a text field, as the first that applies is the one to make.

    >>> [complaint for complaint, applies in text_of(2) if applies("abc")]
    [('too_long', 'must be at most 2 characters long')]
    """
    return (
        (NOT_A_STRING, lambda value: not isinstance(value, str)),
        (("too_long", f"must be at most {limit} characters long"), lambda value: len(value) > limit),
        (("not_text", "must be valid Unicode without NUL or lone surrogates"), lambda value: not is_clean(value)),
    )


FIELDS: Final[Mapping[str, Complaints]] = {
    "agent_id": ((("not_an_integer", "must be an integer"), lambda value: not is_integer(value)),),
    "managed_agent_key": (
        (NOT_A_STRING, lambda value: not isinstance(value, str)),
        (("unknown_key", "must be NEO_SUPPORT"), lambda value: value != "NEO_SUPPORT"),
    ),
    "bot_id": text_of(256),
    "client_id": text_of(256),
    "inbound_tenant_id": text_of(256),
    "title": text_of(500),
}
# Of the normal forms of what the platform gave.
PLATFORM_IDS: Final[Mapping[str, Complaints]] = {
    "bot_id": (*BLANK, *UNUSABLE),
    "client_id": BLANK,
    "inbound_tenant_id": (*BLANK, *UNUSABLE),
}
KINDS: Final = ("platform", "service_account", "user")
CALLER: Final = (
    "no_usable_caller",
    (
        "must be an object with a kind (platform, service_account or user) and a tenant_id (clean text without NUL or "
        "lone surrogates, not blank, at most 256 characters)"
    ),
)
REQUEST: Final = ("not_an_object", "must be an object")

Asked: TypeAlias = Mapping[str, Any]
"""What can be known of caller and request; None stands for what was not given."""
Rules: TypeAlias = Sequence[tuple[str, Callable[..., Any]]]
"""Reasons with their conditions; the first that holds counts."""

ADMISSION: Final[Mapping[str, Rules]] = {
    "request-shape": (
        ("malformed", lambda asked: asked["malformed"]),
        ("well_formed", lambda _: True),
    ),
    "client-id-reserved": (
        ("platform_caller", lambda asked: asked["platform"]),
        ("client_id_given", lambda asked: asked["client_id"] is not None),
        ("no_client_id", lambda _: True),
    ),
    "one-selector": (
        ("no_selector", lambda asked: asked["agent_id"] is None and asked["managed_agent_key"] is None),
        ("two_selectors", lambda asked: asked["agent_id"] is not None and asked["managed_agent_key"] is not None),
        ("agent_id_given", lambda asked: asked["agent_id"] is not None),
        ("managed_key_given", lambda _: True),
    ),
}
PLATFORM_ADMISSION: Final[Mapping[str, Rules]] = {
    **ADMISSION,
    "platform-confined": (
        ("agent_id_given", lambda asked: asked["agent_id"] is not None),
        ("no_agent_id", lambda _: True),
    ),
    "platform-ids": (
        ("blank_id", lambda asked: "blank" in dict(asked["complaints"]).values()),
        ("unusable_id", lambda asked: asked["complaints"]),
        ("ids_usable", lambda _: True),
    ),
}

# Of an agent that was named by number, and of the tenant that should own it.
NAMED_AGENT: Final[Rules] = (
    ("agent_missing", lambda agent, _: agent is None),
    ("agent_of_another_tenant", lambda agent, tenant_id: agent["tenant_id"] != tenant_id),
    ("agent_not_conversational", lambda agent, _: agent["kind"] == "TRIGGERED"),
    ("agent_available", lambda *_: True),
)
# Of the agents of a tenant that carry the key.
MANAGED_AGENTS: Final[Rules] = (
    ("agent_missing", lambda agents: not agents),
    ("several_agents", lambda agents: len(agents) > 1),
    ("agent_not_conversational", lambda agents: agents[0]["kind"] == "TRIGGERED"),
    ("agent_available", lambda _: True),
)
# Of the ACTIVE ones among the white-label channels that are installed, of which there is at least one.
INSTALLED: Final[Rules] = (
    ("one_active_installation", lambda active: len(active) == 1),
    ("several_active_installations", lambda active: len(active) > 1),
    ("installation_disconnected", lambda _: True),
)
NOT_INSTALLED: Final[Rules] = (
    ("no_bot_id", lambda asked: asked["bot_id"] is None),
    ("no_inbound_tenant_id", lambda asked: asked["m365_tenant_id"] is None),
    ("no_installation", lambda _: True),
)
# Of the ACTIVE ones among the channels of a tenant, of which there is at least one.
ACTIVE: Final[Rules] = (
    ("one_active_channel", lambda active: len(active) == 1),
    ("several_active_channels", lambda _: True),
)
NOT_ACTIVE: Final[Rules] = (
    ("no_bot_id", lambda asked: asked["bot_id"] is None),
    ("no_active_channel", lambda _: True),
)
# Of a channel, the request's M365 tenant, and the companies that the channel's owner has linked to it.
END_COMPANY: Final[Rules] = (
    ("standard_channel", lambda channel, *_: not channel.get("white_label")),
    ("no_inbound_tenant_id", lambda _, m365_tenant_id, __: m365_tenant_id is None),
    ("no_company_linked", lambda _, __, companies: not companies),
    ("several_companies_linked", lambda _, __, companies: len(companies) > 1),
    ("one_company_linked", lambda *_: True),
)
# Not reasons, but the names of the outcome.
NEO_SUPPORT: Final[Rules] = (
    ("neo_support_fallback", lambda asked: asked["bot_id"] is not None),
    ("platform_override", lambda asked: asked["client_id"] is not None),
    ("own_tenant", lambda _: True),
)
WARNINGS: Final[Rules] = (
    ("bot_id_ignored", lambda asked: not asked["platform"] and asked["bot_id"] is not None),
    ("inbound_tenant_id_ignored", lambda asked: not asked["platform"] and asked["m365_tenant_id"] is not None),
    (
        "inbound_tenant_id_without_bot_id",
        lambda asked: asked["platform"] and asked["m365_tenant_id"] is not None and asked["bot_id"] is None,
    ),
    ("unknown_field_ignored", lambda asked: asked["unknown_fields"]),
)
# Of what came after the look at the channels of the target tenant with a bot, whether these are all paused, and which
# sorts of channels with the bot there are anywhere: white-label ones (true), standard ones (false).
WARNINGS_OF_A_BOT: Final[Rules] = (
    ("white_label_bot_not_installed", lambda _, __, sorts: True in sorts),
    ("channel_paused", lambda came_to, all_paused, _: came_to == "neo-support" and all_paused),
    ("bot_unknown", lambda came_to, _, sorts: came_to == "neo-support" and not sorts),
)

# What the trace says was sought: the name there, and where it stands in what was asked or in the channel that matched.
SOUGHT: Final[Mapping[str, Mapping[str, str]]] = {
    "request-shape": {"unknown_fields": "unknown_fields", "fields": "malformed"},
    "client-id-reserved": {"client_id": "client_id"},
    "one-selector": {"agent_id": "agent_id", "managed_agent_key": "managed_agent_key"},
    "platform-confined": {"agent_id": "agent_id"},
    "platform-ids": {"client_id": "client_id", "bot_id": "bot_id", "m365_tenant_id": "m365_tenant_id"},
    "own-agent": {"tenant_id": "home", "agent_id": "agent_id"},
    "own-managed-agent": {"tenant_id": "home", "managed_agent_key": "managed_agent_key"},
    "white-label-installation": {"bot_id": "bot_id", "m365_tenant_id": "m365_tenant_id"},
    "active-channel": {"tenant_id": "target", "bot_id": "bot_id"},
    "neo-support": {"tenant_id": "target", "managed_agent_key": "managed_agent_key"},
    "end-company": {"tenant_id": "channel's tenant_id", "m365_tenant_id": "m365_tenant_id"},
    "channel-agent": {"tenant_id": "channel's tenant_id", "agent_id": "channel's agent_id"},
}
# What details hold, by the code: the name there, and where it stands in what was asked; the reason is the step's.
DETAILS: Final[Mapping[str, Mapping[str, str]]] = {
    "validation_error": {"fields": "fields", "complaints": "complaints by name"},
    "agent_not_conversational": {"field": "the field of an agent"},
    "end_company_not_mapped": {"reason": "reason", "inbound_tenant_id": "m365_tenant_id"},
    "channel_ambiguous": {"reason": "reason"},
}
MEMBERS: Final[Mapping[str, Sequence[str]]] = {
    "agents": ("id", "tenant_id", "name", "kind"),
    "channels": ("id", "tenant_id", "agent_id", "status", "white_label"),
    "end_companies": ("id", "name"),
}
IF_LEFT_OUT: Final = {"status": "ACTIVE", "white_label": False}
TARGET: Final = ("tenant_id", "agent_id", "channel_id", "end_company_id", "show_agent_progress_steps")

Place: TypeAlias = tuple[Hashable, ...]
"""A key under which a directory may hold an ending."""
Places: TypeAlias = tuple[tuple[Place, tuple[Step, ...]], ...]
"""Where to look, one after the other, each with the steps that led there."""


class Ending(NamedTuple):
    """The rest of a decision, from the clause on that found something."""

    result: Result
    steps: tuple[Step, ...]
    found: tuple[Found, ...]
    installed_by: str | None
    """The owner of the channel, if `white-label-installation` matched it."""
    came_to: str | None
    """What a warning of the bot depends on: `neo-support`, or a `standard channel` of the target tenant."""


class Question(NamedTuple):
    """What can be said of a caller and a request before any row is looked at.

    If nothing is found in any of `places`, `otherwise` is the answer. A refusal by admission has no places at all.
    """

    places: Places
    otherwise: Answer
    warnings: tuple[str, ...]
    asked: Asked


STANDARD: Final[Step] = ("end-company", "not_applicable", "standard_channel")
NOTHING: Final[Found] = ("agents", ())
NOWHERE: Final = Ending(("", None, None, None, None, None), (), (), None, None)
UNLINKED: Final = ""  # no normal form is empty


def first(rules: Rules, *facts: Any) -> str:
    """Give the reason of the first rule that holds.

    >>> first(MANAGED_AGENTS, [{"kind": "TRIGGERED"}])
    'agent_not_conversational'
    """
    return next(reason for reason, holds in rules if holds(*facts))


def step(clause: str, reason: str) -> Step:
    """Put the verdict between a clause and its reason.

    >>> step("own-agent", "agent_missing")
    ('own-agent', 'refused', 'agent_missing')
    """
    return clause, STEPS[clause, reason][0], reason


def until_refused(steps: Iterable[Step]) -> Iterator[Step]:
    """Let nothing follow a refusal.

    >>> [reason for _, _, reason in until_refused([("", "passed", "1"), ("", "refused", "2"), ("", "matched", "3")])]
    ['1', '2']
    """
    for one in steps:
        yield one
        if one[1] == "refused":
            return


def refusal(last: Step) -> Result:
    """Give the result of a step that refuses.

    >>> refusal(("own-agent", "refused", "agent_not_conversational"))
    ((422, 'agent_not_conversational'), None, None, None, None, None)
    """
    clause, _, reason = last
    refused = STEPS[clause, reason][1]
    assert refused is not None, last
    return refused, None, None, None, None, None


@lru_cache(maxsize=65536)
def ended(trail: tuple[tuple[str, str, Found], ...], success: Result) -> Ending:
    """End a decision at the first refusal of a trail of clause, reason and rows, or else with success.

    >>> success = ("own_tenant", "msp-a", 12, None, None, None)
    >>> ended((("own-agent", "agent_available", ("agents", (12,))),), success).result[0]
    'own_tenant'
    >>> ended((("own-agent", "agent_missing", ("agents", ())),), success).result[0]
    (404, 'agent_not_found')
    """
    steps = tuple(until_refused(step(clause, reason) for clause, reason, _ in trail))
    standard = steps[0][0] == "active-channel" and STANDARD in steps
    return Ending(
        result=refusal(steps[-1]) if steps[-1][1] == "refused" else success,
        steps=steps,
        found=tuple(found for _, _, found in trail[: len(steps)]),
        installed_by=success[1] if steps[0] == step("white-label-installation", "one_active_installation") else None,
        came_to="neo-support" if steps[0][0] == "neo-support" else "standard channel" if standard else None,
    )


@lru_cache(maxsize=4096)
def with_warning(warnings: tuple[str, ...], warning: str) -> tuple[str, ...]:
    """Put a warning where it belongs.

    >>> with_warning(("unknown_field_ignored",), "client_id_overridden")
    ('client_id_overridden', 'unknown_field_ignored')
    """
    return tuple(sorted({*warnings, warning}))


@lru_cache(maxsize=4096)
def with_warnings_of_a_bot(
    warnings: tuple[str, ...], came_to: str, all_paused: bool, sorts: frozenset[bool]
) -> tuple[str, ...]:
    """Put the warnings of a bot where they belong.

    >>> with_warnings_of_a_bot(("unknown_field_ignored",), "neo-support", False, frozenset())
    ('bot_unknown', 'unknown_field_ignored')
    """
    given = (warning for warning, holds in WARNINGS_OF_A_BOT if holds(came_to, all_paused, sorts))
    return tuple(sorted({*warnings, *given}))


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """Make a relation of its pairs.

    >>> grouped([("msp-a", 11), ("msp-b", 21), ("msp-a", 12)])
    {'msp-a': [11, 12], 'msp-b': [21]}
    """
    relation: dict[Key, list[Value]] = {}
    for key, value in pairs:
        relation.setdefault(key, []).append(value)
    return relation


def ids_of(name: str, rows: Iterable[Row]) -> Found:
    """Name some rows of a list by their ids, in order.

    >>> ids_of("agents", [{"id": 12}, {"id": 9}])
    ('agents', (9, 12))
    """
    return name, tuple(sorted(row["id"] for row in rows))


def is_active(channel: Row) -> bool:
    """Tell whether a channel is ACTIVE, as it is if it does not say.

    >>> is_active({}), is_active({"status": "DISCONNECTED"})
    (True, False)
    """
    return bool(channel.get("status", "ACTIVE") == "ACTIVE")


@lru_cache(maxsize=65536)
def of_agents(clause: str, reason: str, outcome: str, tenant_id: str, numbers: tuple[int, ...]) -> Ending:
    """End a decision on the agents of a tenant.

    >>> of_agents("own-managed-agent", "agent_available", "own_tenant", "msp-a", (11,)).result[:3]
    ('own_tenant', 'msp-a', 11)
    >>> of_agents("own-managed-agent", "several_agents", "own_tenant", "msp-c", (31, 32)).result[0]
    (409, 'managed_agent_unavailable')
    """
    success = outcome, tenant_id, (*numbers, None)[0], None, None, None
    return ended(((clause, reason, ("agents", numbers)),), success)


def as_json(value: Any) -> Any:
    """Write a tuple as the list that JSON has for it.

    >>> as_json(("bot_id",)), as_json("bot_id")
    (['bot_id'], 'bot_id')
    """
    return list(value) if isinstance(value, tuple) else value


def message(code: str, reason: str, asked: Asked) -> str:
    """Say why a case was refused.

    >>> message("end_company_not_mapped", "no_company_linked", {"m365_tenant_id": "contoso.example"})[56:]
    'For administrators: link M365 tenant contoso.example to exactly one company.'
    """
    return MESSAGES[code, reason].format(not_valid=asked.get("not_valid"), m365_tenant_id=asked.get("m365_tenant_id"))


def details(code: str, reason: str, asked: Asked) -> dict[str, Any]:
    """Say for programs why a case was refused.

    >>> details("end_company_not_mapped", "no_inbound_tenant_id", {"m365_tenant_id": None})
    {'reason': 'no_inbound_tenant_id'}
    """
    known = {
        **asked,
        "reason": reason,
        "the field of an agent": "agent_id",
        "complaints by name": dict(asked.get("complaints", ())),
    }
    named = DETAILS.get(code, {}).items()
    return {name: as_json(known[where]) for name, where in named if known.get(where) is not None}


def complaints_of(complaints_by_name: Mapping[str, Complaints], given: Row) -> list[tuple[str, Complaint]]:
    """Find the first complaint of each bad field.

    >>> complaints_of(FIELDS, {"title": 7, "agent_id": "12", "bot_id": None})
    [('agent_id', ('not_an_integer', 'must be an integer')), ('title', ('not_a_string', 'must be a string'))]
    """
    return [
        (name, next(complaint for complaint, applies in complaints if applies(given[name])))
        for name, complaints in complaints_by_name.items()
        if given.get(name) is not None and any(applies(given[name]) for _, applies in complaints)
    ]


def complained(*sentences: Iterable[tuple[str, Complaint]]) -> dict[str, Any]:
    """Say what is wrong with some fields: in names, in codes, and in sentences.

    >>> complained([], complaints_of(PLATFORM_IDS, {"client_id": " ", "bot_id": "29:you"}))["complaints"]
    (('bot_id', 'unusable'), ('client_id', 'blank'))
    >>> complained(complaints_of(FIELDS, {"title": 7}))["not_valid"]
    'The request is not valid: title must be a string.'
    """
    made = [[*sentence] for sentence in sentences]
    in_words = ["; ".join(f"{name} {words}" for name, (_, words) in sentence) for sentence in made if sentence]
    return {
        "fields": tuple(name for sentence in made for name, _ in sentence),
        "complaints": tuple((name, code) for sentence in made for name, (code, _) in sentence),
        "not_valid": " ".join(f"The request is not valid: {words}." for words in in_words),
    }


def is_usable(caller: Any) -> bool:
    """Tell whether a caller is one.

    >>> is_usable({"kind": "user", "tenant_id": "msp-a"}), is_usable({"kind": "user", "tenant_id": " "})
    (True, False)
    """
    return (
        isinstance(caller, dict)
        and caller.get("kind") in KINDS
        and isinstance(caller.get("tenant_id"), str)
        and not complaints_of({"tenant_id": text_of(256)}, caller)
        and not is_blank(caller["tenant_id"])
    )


def malformed(caller: Any, request: Any) -> dict[str, Any]:
    """Say what is wrong with a case before its ids are looked into.

    >>> malformed({"kind": "user", "tenant_id": "msp-a"}, [])["not_valid"]
    'The request is not valid: request must be an object.'
    """
    is_object = isinstance(request, dict) and all(isinstance(name, str) for name in request)
    return complained(
        [] if is_usable(caller) else [("caller", CALLER)],
        complaints_of(FIELDS, request) if is_object else [("request", REQUEST)],
    )


def understood(caller: Any, request: Any) -> Asked:
    """Read caller and request, and bring what they name into normal form.

    >>> asked = understood({"kind": "platform", "tenant_id": "neo"}, {"bot_id": "28:HelpDesk", "x": 1})
    >>> asked["bot_id"], asked["target"], asked["unknown_fields"]
    ('helpdesk', 'neo', ('x',))
    """
    wrong = malformed(caller, request)
    if wrong["fields"]:
        return {"platform": False, "malformed": wrong["fields"], **wrong}
    given = {name: request[name] for name in FIELDS if request.get(name) is not None}
    ids = {
        "bot_id": normal_form(given["bot_id"], OF_A_BOT) if "bot_id" in given else None,
        "client_id": given.get("client_id"),
        "inbound_tenant_id": normal_form(given["inbound_tenant_id"]) if "inbound_tenant_id" in given else None,
    }
    return {
        "platform": caller["kind"] == "platform",
        "malformed": (),
        "unknown_fields": tuple(sorted(request.keys() - FIELDS.keys())),
        "home": caller["tenant_id"],
        "target": given.get("client_id", caller["tenant_id"]),
        "client_id": ids["client_id"],
        "agent_id": int(max(-LARGEST, min(LARGEST, given["agent_id"]))) if "agent_id" in given else None,
        "managed_agent_key": given.get("managed_agent_key"),
        "bot_id": ids["bot_id"],
        "m365_tenant_id": ids["inbound_tenant_id"],
        **complained(complaints_of(PLATFORM_IDS, ids)),
    }


def places_for_others(asked: Asked, admitted: tuple[Step, ...]) -> tuple[Places, tuple[Step, ...]]:
    """Name the places where a caller that is not the platform may find an ending, and the steps if none of them has it.

    >>> asked = understood({"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 12})
    >>> places_for_others(asked, ())
    (((('own-agent', 'msp-a', 12), ()), (('own-agent', 12), ())), (('own-agent', 'refused', 'agent_missing'),))
    """
    home, number = asked["home"], asked["agent_id"]
    places: tuple[Place, ...] = (
        (("own-managed-agent", home),) if number is None else (("own-agent", home, number), ("own-agent", number))
    )
    clause = "own-managed-agent" if number is None else "own-agent"
    return tuple((place, admitted) for place in places), (*admitted, step(clause, "agent_missing"))


def places_for_the_platform(asked: Asked, admitted: tuple[Step, ...]) -> tuple[Places, tuple[Step, ...]]:
    """Name the places where the platform may find an ending, and the steps if none of them has it.

    >>> asked = understood({"kind": "platform", "tenant_id": "neo"}, {"managed_agent_key": "NEO_SUPPORT"})
    >>> places, _ = places_for_the_platform(asked, ())
    >>> [place for place, _ in places]
    [('neo-support', 'neo', 'own_tenant')]
    """
    target, bot_id, m365_tenant_id = asked["target"], asked["bot_id"], asked["m365_tenant_id"]
    not_installed = (*admitted, step("white-label-installation", first(NOT_INSTALLED, asked)))
    not_active = (*not_installed, step("active-channel", first(NOT_ACTIVE, asked)))
    places: Places = (
        (("white-label-installation", bot_id, m365_tenant_id), admitted),  # none is installed for None
        (("active-channel", target, bot_id, m365_tenant_id), not_installed),
        (("active-channel", target, bot_id), not_installed),
        (("neo-support", target, first(NEO_SUPPORT, asked)), not_active),
    )
    return places[3:] if bot_id is None else places, (*not_active, step("neo-support", "tenant_missing"))


def question(caller: Any, request: Any) -> Question:
    """Do all that looks at no row, once for every directory.

    >>> question({"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 12}).places[0][0]
    ('own-agent', 'msp-a', 12)
    >>> refused = question({"kind": "user", "tenant_id": "msp-a"}, {})
    >>> refused.places, refused.otherwise[0]
    ((), (422, 'agent_selector_invalid'))
    """
    asked = understood(caller, request)
    clauses = PLATFORM_ADMISSION if asked["platform"] else ADMISSION
    admitted = tuple(until_refused(step(clause, first(rules, asked)) for clause, rules in clauses.items()))
    if admitted[-1][1] == "refused":
        return Question((), (*refusal(admitted[-1]), (), admitted, ()), (), asked)
    warnings = tuple(warning for warning, holds in WARNINGS if holds(asked))
    places, missing = (places_for_the_platform if asked["platform"] else places_for_others)(asked, admitted)
    return Question(places, (*refusal(missing[-1]), warnings, missing, ()), warnings, asked)


class Reference:
    """A directory document made into relations: under each key the ending that a question finds there.

    >>> directory = Reference({
    ...     "tenants": [{"id": "msp-a"}],
    ...     "agents": [{"id": 12, "tenant_id": "msp-a", "kind": "CONVERSATIONAL"}],
    ... })
    >>> directory.answer(question({"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 12}))[:3]
    ('own_tenant', 'msp-a', 12)
    >>> directory.answer(question({"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 13}))[0]
    (404, 'agent_not_found')
    """

    def __init__(self, document: Mapping[str, Sequence[Row]]) -> None:
        self._rows = {name: document.get(name, ()) for name in ("tenants", "agents", "channels", "end_companies")}
        self._agents: Mapping[int, Row] = {agent["id"]: agent for agent in self._rows["agents"]}
        self._channels: Mapping[tuple[Any, Any], Sequence[Row]] = grouped(
            ((channel["tenant_id"], normal_form(channel["bot_id"], OF_A_BOT)), channel)
            for channel in self._rows["channels"]
        )
        self._companies: Mapping[tuple[Any, Any], Sequence[Row]] = grouped(
            ((company["tenant_id"], m365_tenant_id), company)
            for company in self._rows["end_companies"]
            for m365_tenant_id in {normal_form(spelling) for spelling in company.get("m365_tenant_ids", ())}
        )
        sorts = grouped(
            (bot_id, bool(channel.get("white_label")))
            for (_, bot_id), channels in self._channels.items()
            for channel in channels
        )
        self._sorts = {bot_id: frozenset(found) for bot_id, found in sorts.items()}
        self._paused = {owned for owned, channels in self._channels.items() if not any(map(is_active, channels))}
        self._endings: Mapping[Place, Ending] = {
            **dict(self._named_agents()),
            **dict(self._managed_agents()),
            **dict(self._installations()),
            **dict(self._active_channels()),
        }

    def answer(self, question: Question) -> Answer:
        """Give the answer, the warnings and the steps of one decision, and what they turned on.

        >>> refused = question({"kind": "user", "tenant_id": "msp-a"}, {})
        >>> Reference({}).answer(refused)[-2][-1]
        ('one-selector', 'refused', 'no_selector')
        """
        for place, before in question.places:
            found = self._endings.get(place)
            if found is not None:
                return (*found.result, self._warnings(question, found), before + found.steps, found.found)
        return question.otherwise

    def decision(self, question: Question) -> dict[str, Any]:
        """Write one decision with its trace in the JSON form.

        >>> written = Reference({}).decision(question({"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 1}))
        >>> written["status"], written["trace"][-1]["reason"]
        (404, 'agent_missing')
        """
        outcome, *target, warnings, steps, _ = self.answer(question)
        given = (
            {"outcome": outcome, **dict(zip(TARGET, target, strict=True))}
            if isinstance(outcome, str)
            else {
                "outcome": "refused",
                "status": outcome[0],
                "code": outcome[1],
                "message": message(outcome[1], steps[-1][2], question.asked),
                "details": details(outcome[1], steps[-1][2], question.asked),
            }
        )
        return {**given, "warnings": list(warnings), "trace": self._trace(question, steps)}

    def _trace(self, question: Question, steps: tuple[Step, ...]) -> list[dict[str, Any]]:
        asked = question.asked
        here = next((self._endings[place] for place, _ in question.places if place in self._endings), NOWHERE)
        passed_over = ids_of("channels", self._channels.get((asked.get("target"), asked.get("bot_id")), ()))
        turned_on = {
            "active-channel": passed_over,
            **{clause: found for (clause, _, _), found in zip(here.steps, here.found, strict=True)},
        }
        channel = next((row for row in self._rows["channels"] if ("channels", (row["id"],)) in here.found), {})
        known = {**asked, **{f"channel's {name}": value for name, value in channel.items()}}
        return [
            {
                "clause": clause,
                "verdict": verdict,
                "reason": reason,
                **{
                    name: as_json(known[where])
                    for name, where in SOUGHT[clause].items()
                    if known.get(where) not in (None, ())
                },
                **self._listed(*turned_on.get(clause, NOTHING)),
            }
            for clause, verdict, reason in steps
        ]

    def _listed(self, name: str, ids: tuple[Any, ...]) -> dict[str, list[dict[str, Any]]]:
        rows = {
            row["id"]: {**IF_LEFT_OUT, "name": str(row["id"]), **row} for row in self._rows[name] if row["id"] in ids
        }
        return {name: [{member: rows[one][member] for member in MEMBERS[name]} for one in ids]} if ids else {}

    def _warnings(self, question: Question, found: Ending) -> tuple[str, ...]:
        asked = question.asked
        if found.installed_by is not None and asked["client_id"] not in (None, found.installed_by):
            return with_warning(question.warnings, "client_id_overridden")
        bot_id = asked["bot_id"]
        if found.came_to is None or bot_id is None:
            return question.warnings
        all_paused = (asked["target"], bot_id) in self._paused
        return with_warnings_of_a_bot(
            question.warnings, found.came_to, all_paused, self._sorts.get(bot_id, frozenset())
        )

    def _named_agents(self) -> Iterator[tuple[Place, Ending]]:
        clause, outcome = "own-agent", "own_tenant"
        for number, agent in self._agents.items():
            owner, ids = agent["tenant_id"], (number,)
            yield (clause, owner, number), of_agents(clause, first(NAMED_AGENT, agent, owner), outcome, owner, ids)
            yield (clause, number), of_agents(clause, "agent_of_another_tenant", outcome, owner, ids)

    def _managed_agents(self) -> Iterator[tuple[Place, Ending]]:
        keyed = grouped((agent["tenant_id"], agent) for agent in self._rows["agents"] if agent.get("managed_key"))
        tenant_ids = {tenant["id"] for tenant in self._rows["tenants"]}
        for tenant_id in keyed.keys() | tenant_ids:
            agents = keyed.get(tenant_id, [])
            reason, (_, ids) = first(MANAGED_AGENTS, agents), ids_of("agents", agents)
            yield ("own-managed-agent", tenant_id), of_agents("own-managed-agent", reason, "own_tenant", tenant_id, ids)
            for outcome, _ in NEO_SUPPORT if tenant_id in tenant_ids else ():
                yield ("neo-support", tenant_id, outcome), of_agents("neo-support", reason, outcome, tenant_id, ids)

    def _installations(self) -> Iterator[tuple[Place, Ending]]:
        clause = "white-label-installation"
        installed = grouped(
            ((bot_id, m365_tenant_id), channel)
            for (_, bot_id), channels in self._channels.items()
            for channel in channels
            if channel.get("white_label")
            for m365_tenant_id in {normal_form(spelling) for spelling in channel.get("installed_m365_tenant_ids", ())}
        )
        for (bot_id, m365_tenant_id), channels in installed.items():
            active = [channel for channel in channels if is_active(channel)]
            ending = self._on(
                active or channels, "white_label_channel", clause, first(INSTALLED, active), m365_tenant_id
            )
            yield (clause, bot_id, m365_tenant_id), ending

    def _active_channels(self) -> Iterator[tuple[Place, Ending]]:
        clause = "active-channel"
        for (owner, bot_id), channels in self._channels.items():
            active = [channel for channel in channels if is_active(channel)]
            if not active:
                continue
            reason = first(ACTIVE, active)
            yield (clause, owner, bot_id), self._on(active, "active_channel", clause, reason, UNLINKED)
            for m365_tenant_id in (None, *(linked for tenant_id, linked in self._companies if tenant_id == owner)):
                ending = self._on(active, "active_channel", clause, reason, m365_tenant_id)
                yield (clause, owner, bot_id, m365_tenant_id), ending

    def _on(
        self, channels: Sequence[Row], outcome: str, clause: str, reason: str, m365_tenant_id: str | None
    ) -> Ending:
        channel = channels[0]  # there are others beside it only if the clause refuses
        owner, number = channel["tenant_id"], channel["agent_id"]
        companies = self._companies.get((owner, m365_tenant_id), []) if channel.get("white_label") else []
        agent = self._agents.get(number)
        return ended(
            (
                (clause, reason, ids_of("channels", channels)),
                (
                    "end-company",
                    first(END_COMPANY, channel, m365_tenant_id, companies),
                    ids_of("end_companies", companies),
                ),
                ("channel-agent", first(NAMED_AGENT, agent, owner), ids_of("agents", [agent] if agent else [])),
            ),
            (
                outcome,
                owner,
                number,
                channel["id"],
                companies[0]["id"] if companies else None,
                channel.get("show_agent_progress_steps"),
            ),
        )


def decide(document: Mapping[str, Sequence[Row]], caller: Any, request: Any) -> dict[str, Any]:
    """Decide one case on one directory, and write the decision with its trace in the JSON form.

    A caller or a request that the case does not have is None.

    >>> directory = {"tenants": [{"id": "msp-a"}]}
    >>> decide(directory, {"kind": "user", "tenant_id": "msp-a"}, {"agent_id": 21})["message"]
    'There is no such agent in your account. Check agent_id.'
    """
    return Reference(document).decision(question(caller, request))
