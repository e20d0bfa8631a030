"""What a directory does: which calls are alike, what is refused and what is suspicious, and who is answered otherwise.

Over a whole directory the calls that can be made fall into finitely many request classes, and what is alike is decided
alike. So nothing has to be sampled: each class is decided, by the functions that decide calls.

>>> from neo_routing import Tenant, content_of
>>> from neo_routing.analysis import request_classes
>>> directory = content_of(tenants=[Tenant(id="msp-a")])
>>> sorted({str(each.decision.result.failure().code) for each in request_classes(directory)})
['agent_not_found', 'managed_agent_not_found', 'tenant_not_found']
"""

from neo_routing.analysis.amendment import Action, Amendment, amended
from neo_routing.analysis.audit import audit
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.change import Change
from neo_routing.analysis.classes import class_of, request_classes
from neo_routing.analysis.common import CommonClass
from neo_routing.analysis.difference import Difference, Side, difference
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.reach import Arrival, reach
from neo_routing.analysis.refusal_remedies import decision_remedies, own_remedies
from neo_routing.analysis.regions import BotRegion, InstallationRegion
from neo_routing.analysis.remedy import Remedy
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.subject import Severity, Subject, SubjectKind, Suspicion
from neo_routing.analysis.which import Layer, Which

__all__ = [
    "Action",
    "Amendment",
    "Arrival",
    "BotRegion",
    "CallSet",
    "Change",
    "CommonClass",
    "Difference",
    "Finding",
    "InstallationRegion",
    "Layer",
    "Remedy",
    "RequestClass",
    "Severity",
    "Side",
    "Subject",
    "SubjectKind",
    "Suspicion",
    "Which",
    "amended",
    "audit",
    "class_of",
    "decision_remedies",
    "difference",
    "own_remedies",
    "reach",
    "request_classes",
]
