"""A request class: calls that are alike in a directory, and one that stands for them all."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.nowhere import NO_AGENT_ID, Nowhere
from neo_routing.analysis.partition import call_set_of
from neo_routing.analysis.representatives import ASKED_OF_MANAGED_AGENT, asked, asked_of_agent, caller_of
from neo_routing.analysis.which import Which
from neo_routing.caller import Caller, CallerKind
from neo_routing.content import HeldRows
from neo_routing.decide import decide
from neo_routing.decision import Decision
from neo_routing.request import SessionRequest


# A named tuple, as findings are: an audit may make millions, and a frozen class takes three times the time.
class RequestClass(NamedTuple):
    """Calls that are decided alike in a directory: each as the representative is, with its own ids.

    Classes are equal if they have the same calls, whichever directory they are of.

    >>> from neo_routing import Tenant, content_of
    >>> from neo_routing.analysis import request_classes
    >>> classes = [*request_classes(content_of(tenants=[Tenant(id="msp-a")]))]
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> [found] = [each for each in classes if each.holds(user, SessionRequest(agent_id=12))]
    >>> found.words
    'users and service accounts of msp-a, any agent that is not there'
    >>> found.request.agent_id, str(found.decision.result.failure().code)
    (0, 'agent_not_found')
    """

    calls: CallSet
    """The set of calls, as data."""
    directory: Analysed
    """The directory that it is a class of."""
    example: Any = None
    """A bot of this sort, or an agent of another tenant, where the set has any of those."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RequestClass) and self.calls == other.calls

    def __ne__(self, other: object) -> bool:  # else it would be that of tuples
        return not self == other

    def __hash__(self) -> int:
        return hash(self.calls)

    def __repr__(self) -> str:
        return f"RequestClass(calls={self.calls!r})"

    @property
    def caller(self) -> Caller:
        """Who makes the call that stands for all."""
        calls, nowhere = self.calls, self.directory.nowhere
        if not calls.is_of_platform:
            return caller_of(CallerKind.USER, calls.tenant_id or nowhere.tenant_id)
        return caller_of(CallerKind.PLATFORM, calls.tenant_id or self._owner_id() or nowhere.tenant_id)

    @property
    def request(self) -> SessionRequest:
        """What that asks for."""
        return (self._of_platform if self.calls.is_of_platform else self._of_others)(self.directory.nowhere)

    @property
    def decision(self) -> Decision:
        """What the one that stands for all is told, by the very function that decides calls."""
        return decide(self.caller, self.request, HeldRows(self.directory.rows))

    @property
    def words(self) -> str:
        """The set in words, for an operator: it names ids."""
        return self.calls.words

    def data(self) -> dict[str, Any]:
        """Return the set as plain data, made anew."""
        return self.calls.data()

    def holds(self, caller: Caller, request: SessionRequest) -> bool:
        """Tell whether a call belongs to the class; one that admission refuses belongs to none."""
        return call_set_of(caller, request, self.directory.rows) == self.calls

    def _of_others(self, _: Nowhere) -> SessionRequest:
        calls = self.calls
        if calls.managed_agent_key is not None:
            return ASKED_OF_MANAGED_AGENT[calls.managed_agent_key]
        return asked_of_agent(NO_AGENT_ID if calls.agent is Which.UNKNOWN else calls.agent_id or self.example)

    def _of_platform(self, nowhere: Nowhere) -> SessionRequest:
        calls = self.calls
        return asked(
            None if calls.client_id in _NO_CLIENT_ID else calls.tenant_id or nowhere.tenant_id,
            None if calls.bot is Which.ABSENT else calls.bot_id or self.example or nowhere.bot_id,
            None if calls.m365_tenant is Which.ABSENT else calls.m365_tenant_id or nowhere.m365_tenant_id,
        )

    def _owner_id(self) -> str | None:
        """Return an owner of the channels that are installed there, for whom the call is as without `client_id`."""
        rows, key = self.directory.rows, (self.calls.bot_id or "", self.calls.m365_tenant_id or "")
        installed = rows.active_installations.get(key) or rows.disconnected_installations.get(key, ())
        return installed[0][1] if installed else None


_NO_CLIENT_ID: Final = frozenset([Which.ABSENT, Which.OWNER_OR_ABSENT])
