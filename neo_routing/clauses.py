"""The names in which a decision is told: clauses, verdicts and reasons, each a closed set."""

from __future__ import annotations

from neo_routing.names import Name


class Clause(Name):
    """A clause of the rules; the members stand in the order of the rules."""

    REQUEST_SHAPE = "request-shape"
    CLIENT_ID_RESERVED = "client-id-reserved"
    ONE_SELECTOR = "one-selector"
    PLATFORM_CONFINED = "platform-confined"
    PLATFORM_IDS = "platform-ids"
    OWN_AGENT = "own-agent"
    OWN_MANAGED_AGENT = "own-managed-agent"
    WHITE_LABEL_INSTALLATION = "white-label-installation"
    ACTIVE_CHANNEL = "active-channel"
    NEO_SUPPORT = "neo-support"
    END_COMPANY = "end-company"
    CHANNEL_AGENT = "channel-agent"


class Verdict(Name):
    """What a clause had to say."""

    PASSED = "passed"
    MATCHED = "matched"
    PASSED_OVER = "passed_over"
    NOT_APPLICABLE = "not_applicable"
    REFUSED = "refused"


class Reason(Name):
    """Why it said so."""

    WELL_FORMED = "well_formed"
    MALFORMED = "malformed"
    PLATFORM_CALLER = "platform_caller"
    NO_CLIENT_ID = "no_client_id"
    CLIENT_ID_GIVEN = "client_id_given"
    AGENT_ID_GIVEN = "agent_id_given"
    MANAGED_KEY_GIVEN = "managed_key_given"
    NO_SELECTOR = "no_selector"
    TWO_SELECTORS = "two_selectors"
    NO_AGENT_ID = "no_agent_id"
    IDS_USABLE = "ids_usable"
    BLANK_ID = "blank_id"
    UNUSABLE_ID = "unusable_id"
    AGENT_AVAILABLE = "agent_available"
    AGENT_MISSING = "agent_missing"
    AGENT_OF_ANOTHER_TENANT = "agent_of_another_tenant"
    AGENT_NOT_CONVERSATIONAL = "agent_not_conversational"
    SEVERAL_AGENTS = "several_agents"
    TENANT_MISSING = "tenant_missing"
    NO_BOT_ID = "no_bot_id"
    NO_INBOUND_TENANT_ID = "no_inbound_tenant_id"
    ONE_ACTIVE_INSTALLATION = "one_active_installation"
    NO_INSTALLATION = "no_installation"
    SEVERAL_ACTIVE_INSTALLATIONS = "several_active_installations"
    INSTALLATION_DISCONNECTED = "installation_disconnected"
    ONE_ACTIVE_CHANNEL = "one_active_channel"
    NO_ACTIVE_CHANNEL = "no_active_channel"
    SEVERAL_ACTIVE_CHANNELS = "several_active_channels"
    STANDARD_CHANNEL = "standard_channel"
    ONE_COMPANY_LINKED = "one_company_linked"
    NO_COMPANY_LINKED = "no_company_linked"
    SEVERAL_COMPANIES_LINKED = "several_companies_linked"
