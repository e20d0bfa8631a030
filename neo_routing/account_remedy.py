"""What one account can mend so that a call is no longer refused, told of its own rows and of nothing else.

Whoever reads it is the administrator of one tenant. So it is made of the refusal, which its caller may see, of the call
itself and of the rows that the tenant owns: what others have cannot stand in it, and cannot change it. It decides
nothing, and does not know who decided: it tells what of the account's own stands in the way of such a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from neo_routing.account_view import AccountView
from neo_routing.caller import Caller
from neo_routing.clauses import Reason
from neo_routing.directory import ChannelStatus
from neo_routing.names import Name
from neo_routing.near_rows import OwnedEndCompany, conversational_agents_of, unlinked_companies_of
from neo_routing.own_rows import rows_of_tenant
from neo_routing.refusals import Refusal, RefusalCode
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows
from neo_routing.trace import TracedAgent, TracedChannel


class AccountRemedy(Name):
    """What an account can do."""

    LINK_ONE_COMPANY = "link_one_company"
    KEEP_ONE_LINK = "keep_one_link"
    SAY_THE_M365_TENANT = "say_the_m365_tenant"
    RECONNECT_THE_CHANNEL = "reconnect_the_channel"
    KEEP_ONE_INSTALLATION = "keep_one_installation"
    KEEP_ONE_ACTIVE_CHANNEL = "keep_one_active_channel"
    CHOOSE_AN_AGENT_FOR_THE_CHANNEL = "choose_an_agent_for_the_channel"
    HAVE_ONE_MANAGED_AGENT = "have_one_managed_agent"
    HAVE_A_MANAGED_AGENT_SET_UP = "have_a_managed_agent_set_up"
    ASK_FOR_AN_OWN_AGENT = "ask_for_an_own_agent"
    HAVE_THE_ACCOUNT_SET_UP = "have_the_account_set_up"


class RemedyOfAccount(NamedTuple):
    """What an account can do, and the rows of its own that it concerns, sorted by their ids."""

    remedy: AccountRemedy
    m365_tenant_id: str | None = None
    agents: tuple[TracedAgent, ...] = ()
    channels: tuple[TracedChannel, ...] = ()
    end_companies: tuple[OwnedEndCompany, ...] = ()


def account_remedies(
    refusal: Refusal, caller: Caller, request: SessionRequest, tenant_id: str, rows: Rows
) -> tuple[RemedyOfAccount, ...]:
    """Return what this tenant can do about the refusal of a call; nothing, if nothing of its own stands in the way.

    The rows are the whole directory, or at least all that the tenant owns; those of others are not looked at.

    >>> from neo_routing import CallerKind, HeldRows, ManagedAgentKey, Tenant, content_of, decide
    >>> content = content_of(tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")])
    >>> call = Caller(CallerKind.USER, "msp-a"), SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)
    >>> refusal = decide(*call, HeldRows(content)).refusal
    >>> [str(each.remedy) for each in account_remedies(refusal, *call, "msp-a", content)]
    ['have_a_managed_agent_set_up']
    >>> account_remedies(refusal, *call, "msp-b", content)
    ()
    """
    look = _LOOKS.get((refusal.code, refusal.reason))
    return () if look is None else look(AccountView(caller, request, tenant_id, rows_of_tenant(tenant_id, rows)))


_Remedies: TypeAlias = tuple[RemedyOfAccount, ...]


def _link_one_company(account: AccountView) -> _Remedies:
    channels = account.white_label()
    if not channels or account.linked():
        return ()
    companies = unlinked_companies_of(account.tenant_id, account.rows)
    remedy = AccountRemedy.LINK_ONE_COMPANY
    return (RemedyOfAccount(remedy, account.m365_tenant_id, channels=channels, end_companies=companies),)


def _keep_one_link(account: AccountView) -> _Remedies:
    channels, companies = account.white_label(), account.linked()
    if not channels or len(companies) < _SEVERAL:
        return ()
    remedy = AccountRemedy.KEEP_ONE_LINK
    return (RemedyOfAccount(remedy, account.m365_tenant_id, channels=channels, end_companies=companies),)


def _say_the_m365_tenant(account: AccountView) -> _Remedies:
    return _about_channels(AccountRemedy.SAY_THE_M365_TENANT, account, account.white_label())


def _reconnect(account: AccountView) -> _Remedies:
    channels = account.installed(ChannelStatus.DISCONNECTED)
    return _about_channels(AccountRemedy.RECONNECT_THE_CHANNEL, account, channels)


def _keep_one_installation(account: AccountView) -> _Remedies:
    channels = account.installed(ChannelStatus.ACTIVE)
    return _about_channels(AccountRemedy.KEEP_ONE_INSTALLATION, account, channels)


def _keep_one_active_channel(account: AccountView) -> _Remedies:
    return _about_channels(AccountRemedy.KEEP_ONE_ACTIVE_CHANNEL, account, account.own_active())


def _about_channels(remedy: AccountRemedy, account: AccountView, channels: tuple[TracedChannel, ...]) -> _Remedies:
    return (RemedyOfAccount(remedy, account.m365_tenant_id, channels=channels),) if channels else ()


def _choose_an_agent(account: AccountView) -> _Remedies:
    able = conversational_agents_of(account.tenant_id, account.rows)
    able_ids = {agent.id for agent in able}
    channels = tuple([each for each in account.may_hold_it() if each.agent_id not in able_ids])
    remedy = AccountRemedy.CHOOSE_AN_AGENT_FOR_THE_CHANNEL
    return (RemedyOfAccount(remedy, agents=able, channels=channels),) if channels else ()


def _have_one_managed_agent(account: AccountView) -> _Remedies:
    agents = account.carriers()
    return (RemedyOfAccount(AccountRemedy.HAVE_ONE_MANAGED_AGENT, agents=agents),) if agents else ()


def _have_a_managed_agent_set_up(account: AccountView) -> _Remedies:
    return (RemedyOfAccount(AccountRemedy.HAVE_A_MANAGED_AGENT_SET_UP),) if account.is_target else ()


def _ask_for_an_own_agent(account: AccountView) -> _Remedies:
    agents = conversational_agents_of(account.tenant_id, account.rows)
    return (RemedyOfAccount(AccountRemedy.ASK_FOR_AN_OWN_AGENT, agents=agents),) if account.is_target else ()


def _have_the_account_set_up(account: AccountView) -> _Remedies:
    return (RemedyOfAccount(AccountRemedy.HAVE_THE_ACCOUNT_SET_UP),) if account.is_target else ()


_LOOKS: Final[Mapping[tuple[RefusalCode, Reason | None], Callable[[AccountView], _Remedies]]] = {
    (RefusalCode.AGENT_NOT_FOUND, None): _ask_for_an_own_agent,
    (RefusalCode.AGENT_NOT_CONVERSATIONAL, None): _ask_for_an_own_agent,
    (RefusalCode.MANAGED_AGENT_NOT_FOUND, None): _have_a_managed_agent_set_up,
    (RefusalCode.MANAGED_AGENT_UNAVAILABLE, None): _have_one_managed_agent,
    (RefusalCode.TENANT_NOT_FOUND, None): _have_the_account_set_up,
    (RefusalCode.CHANNEL_NOT_ACTIVE, None): _reconnect,
    (RefusalCode.CHANNEL_AMBIGUOUS, Reason.SEVERAL_ACTIVE_INSTALLATIONS): _keep_one_installation,
    (RefusalCode.CHANNEL_AMBIGUOUS, Reason.SEVERAL_ACTIVE_CHANNELS): _keep_one_active_channel,
    (RefusalCode.CHANNEL_AGENT_UNAVAILABLE, None): _choose_an_agent,
    (RefusalCode.END_COMPANY_NOT_MAPPED, Reason.NO_COMPANY_LINKED): _link_one_company,
    (RefusalCode.END_COMPANY_NOT_MAPPED, Reason.SEVERAL_COMPANIES_LINKED): _keep_one_link,
    (RefusalCode.END_COMPANY_NOT_MAPPED, Reason.NO_INBOUND_TENANT_ID): _say_the_m365_tenant,
}
_SEVERAL: Final = 2
