"""Each law can fail: a fault planted in the rules turns its test red."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import Phase, settings
from returns.result import Failure

import tests.property.test_laws as laws
from neo_routing import (
    ManagedAgentKey,
    Outcome,
    admission,
    messages,
    normal_forms,
    request_fields,
    routing,
    shape,
    steps,
)

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

Fault = Callable[..., Any]

decide = sys.modules["neo_routing.decide"]  # as an attribute of the package, that is the function
RIGHT = {name: getattr(routing, name) for name in dir(routing)}
RIGHT_CLAUSES = admission._clauses
RIGHT_NORMAL_FORM = normal_forms._normal_form.__wrapped__


def takes_any_agent(tenant_id: str, agent_id: int, rows: Any) -> Any:
    return steps.OWN_AGENT.available, tenant_id, agent_id, (agent_id,)


def takes_a_foreign_agent_for_its_own(tenant_id: str, agent_id: int, rows: Any) -> Any:
    step, *found = RIGHT["own_agent"](tenant_id, agent_id, rows)
    return (steps.OWN_AGENT.triggered if step is steps.OWN_AGENT.foreign else step), *found


def acts_as_the_first_tenant(*fields: Any) -> Any:
    outcome, _, *others = fields
    return RIGHT["session"](outcome, "msp-a", *others)


def forgets_the_end_company(outcome: Outcome, tenant_id: str, agent_id: int, *channel: Any) -> Any:
    channel_id, _, progress = channel or (None, None, None)
    return RIGHT["session"](outcome, tenant_id, agent_id, channel_id, None, progress)


def takes_any_channel_agent(owner_id: str, agent_id: int, rows: Any) -> Any:
    return steps.CHANNEL_AGENT.available, owner_id, agent_id, ()


def takes_any_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    for company_ids in rows.end_companies.values():
        return steps.ONE_COMPANY_LINKED, owner_id, m365_tenant_id, company_ids
    return steps.STANDARD_CHANNEL, owner_id, m365_tenant_id, ()


def takes_the_first_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    several = step is steps.SEVERAL_ACTIVE_INSTALLATIONS
    return (steps.ONE_ACTIVE_INSTALLATION, *sought, found[:1]) if several else (step, *sought, found)


def passes_over_a_paused_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    paused = step is steps.INSTALLATION_DISCONNECTED
    return (steps.NO_INSTALLATION, *sought, ()) if paused else (step, *sought, found)


def prefers_the_target_tenants_channel(caller: Any, asked: Any, rows: Any) -> Any:
    tenant_id = asked.client_id or caller.tenant_id
    mine = {
        key: tuple(row for row in found if row[1] == tenant_id) or found
        for key, found in rows.active_installations.items()
    }
    return RIGHT["platform_session"](caller, asked, evolve(rows, active_installations=mine))


def serves_any_agent_of_the_target(tenant_id: str, rows: Any) -> Any:
    for agent_id, owner_id in rows.conversational_agents.items():
        if owner_id == tenant_id:
            return steps.NEO_SUPPORT.available, tenant_id, ManagedAgentKey.NEO_SUPPORT, (agent_id,)
    return RIGHT["neo_support"](tenant_id, rows)


def fails_where_there_is_no_agent(tenant_id: str, agent_id: int, rows: Any) -> Any:
    rows.conversational_agents[agent_id]
    return RIGHT["own_agent"](tenant_id, agent_id, rows)


def listens_to_the_bot_of_any_caller(caller: Any, asked: Any, rows: Any) -> Any:
    if asked.bot_id is not None:
        return steps.OWN_AGENT.missing.failure, (), ()
    return RIGHT["own_session"](caller, asked, rows)


def names_the_owner(step: Any, m365_tenant_id: str) -> Any:
    refusal = messages.no_company_linked(m365_tenant_id)
    return Failure(evolve(refusal, message=f"{refusal.message} Ask Qx Services A."))


def counts_the_links(step: Any, m365_tenant_id: str) -> Any:
    refusal = messages.several_companies_linked(m365_tenant_id)
    return Failure(evolve(refusal, message=refusal.message.replace("several", "2")))


def looks_for_bots_among_the_channels_in_sight(tenant_id: str, asked: Any, rows: Any, *given: Any) -> Any:
    seen = {bot_id for _, bot_id in (*rows.active_channels, *rows.disconnected_channels)}
    return RIGHT["_support_session"](tenant_id, asked, evolve(rows, known_bots=seen), *given)


def asks_for_usable_ids_of_any_caller(is_platform: bool, shape: int) -> Iterator[Any]:
    yield from RIGHT_CLAUSES(is_platform, shape)
    if not is_platform:
        yield admission.platform_ids(shape)


def keeps_capitals(spelling: str) -> Any:
    return spelling.strip(), shape.HAS_BOT_ID


def strips_once(spelling: str, _: bool) -> str:
    bare = spelling.strip()
    return bare[1:-1] if bare.startswith("{") and bare.endswith("}") else bare


def knows_one_cloud(spelling: str, start: int, end: int) -> Any:
    return re.compile("28:(orgid:)?").match(spelling, start, end)


def knows_prefixes_in_small_letters_alone(spelling: str, start: int, end: int) -> Any:
    return re.compile("|".join(normal_forms.WIRE_PREFIXES)).match(spelling, start, end)


def knows_guids_with_all_hyphens_or_none(spelling: str, may_have_wire_prefix: bool) -> str:
    bare = normal_forms._without_wrapping(spelling, may_have_wire_prefix)
    normal = RIGHT_NORMAL_FORM(bare, False)
    return normal if bare.lower() in (normal, normal.replace("-", "")) else bare.lower()


FAULTS: list[tuple[Callable[[], None], Any, str, Fault]] = [
    (
        laws.test_total_every_call_has_exactly_one_outcome_and_nothing_raises,
        routing,
        "own_agent",
        fails_where_there_is_no_agent,
    ),
    (laws.test_home_a_success_of_another_caller_acts_as_its_home_tenant, routing, "session", acts_as_the_first_tenant),
    (laws.test_ownership_the_agent_is_conversational_and_of_the_acting_tenant, routing, "own_agent", takes_any_agent),
    (
        laws.test_ownership_the_agent_is_conversational_and_of_the_acting_tenant,
        routing,
        "channel_agent",
        takes_any_channel_agent,
    ),
    (
        laws.test_scope_an_end_company_if_and_only_if_the_channel_is_white_label,
        routing,
        "session",
        forgets_the_end_company,
    ),
    (
        laws.test_scope_an_end_company_if_and_only_if_the_channel_is_white_label,
        routing,
        "end_company",
        takes_any_company,
    ),
    (
        laws.test_confinement_the_platform_reaches_channels_and_neo_support_only,
        routing,
        "neo_support",
        serves_any_agent_of_the_target,
    ),
    (
        laws.test_override_where_the_installation_decides_client_id_does_not,
        decide,
        "platform_session",
        prefers_the_target_tenants_channel,
    ),
    (
        laws.test_ignored_bot_and_m365_tenant_mean_nothing_from_another_caller,
        decide,
        "own_session",
        listens_to_the_bot_of_any_caller,
    ),
    (
        laws.test_ignored_bot_and_m365_tenant_mean_nothing_from_another_caller,
        admission,
        "_clauses",
        asks_for_usable_ids_of_any_caller,
    ),
    (
        laws.test_locality_deciding_on_the_rows_that_were_needed_is_deciding_on_all,
        routing,
        "_support_session",
        looks_for_bots_among_the_channels_in_sight,
    ),
    (
        laws.test_locality_deciding_on_the_rows_that_were_needed_is_deciding_on_all,
        routing,
        "neo_support",
        serves_any_agent_of_the_target,
    ),
    (
        laws.test_locality_the_order_of_rows_means_nothing,
        routing,
        "white_label_installation",
        takes_the_first_installation,
    ),
    (laws.test_locality_rows_that_no_clause_looks_at_mean_nothing, routing, "end_company", takes_any_company),
    (laws.test_silence_a_refusal_tells_nothing_that_the_request_did_not, routing, "not_mapped", names_the_owner),
    (laws.test_silence_a_refusal_tells_nothing_that_the_request_did_not, routing, "not_mapped", counts_the_links),
    (
        laws.test_silence_another_tenants_agent_answers_as_an_absent_one,
        routing,
        "own_agent",
        takes_a_foreign_agent_for_its_own,
    ),
    (
        laws.test_no_widening_a_broken_channel_or_link_never_leads_to_another_agent,
        routing,
        "white_label_installation",
        passes_over_a_paused_installation,
    ),
    (
        laws.test_no_widening_a_broken_channel_or_link_never_leads_to_another_agent,
        routing,
        "white_label_installation",
        takes_the_first_installation,
    ),
    (
        laws.test_normal_forms_another_spelling_in_the_request_never_changes_the_answer,
        request_fields,
        "bot_id_of",
        keeps_capitals,
    ),
    (
        laws.test_normal_forms_another_spelling_in_the_request_never_changes_the_answer,
        normal_forms,
        "_is_wire_prefix",
        knows_one_cloud,
    ),
    (
        laws.test_normal_forms_another_spelling_in_the_request_never_changes_the_answer,
        normal_forms,
        "_is_wire_prefix",
        knows_prefixes_in_small_letters_alone,
    ),
    (
        laws.test_normal_forms_another_spelling_in_the_directory_never_changes_the_answer,
        normal_forms,
        "_normal_form",
        knows_guids_with_all_hyphens_or_none,
    ),
    (
        laws.test_normal_forms_another_spelling_in_the_directory_never_changes_the_answer,
        normal_forms,
        "_without_wrapping",
        strips_once,
    ),
    (laws.test_normal_forms_normalising_twice_is_normalising_once, normal_forms, "_without_wrapping", strips_once),
    (laws.test_one_answer_everywhere_in_a_batch_as_one_by_one, laws, "decide_many", lambda batch, directory: []),
]


REMEMBERED = (
    normal_forms._normal_form.cache_clear,
    request_fields.bot_id_of.cache_clear,
    request_fields.m365_tenant_id_of.cache_clear,
    admission._TO_OTHERS.clear,
)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Forget what was worked out: what is right would hide a fault, what is wrong would outlive it."""
    for forget in REMEMBERED:
        forget()
    yield
    for forget in REMEMBERED:
        forget()


@pytest.mark.parametrize(
    ("law", "module", "name", "fault"),
    FAULTS,
    ids=[f"{law.__name__[5:]}-{fault.__name__}" for law, _, _, fault in FAULTS],
)
def test_a_planted_fault_breaks_the_law(
    law: Callable[[], None], module: Any, name: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching = settings(
        law._hypothesis_internal_use_settings,  # type: ignore[attr-defined]
        max_examples=5_000,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
    )
    monkeypatch.setattr(law, "_hypothesis_internal_use_settings", searching)
    monkeypatch.setattr(module, name, fault)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        law()


def test_every_law_has_a_planted_fault() -> None:
    named = {law.__name__.split("_")[1] for law, *_ in FAULTS}
    assert named == {name.split("_")[1] for name in dir(laws) if name.startswith("test_")} - {"the"}
