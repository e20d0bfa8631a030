"""The rows of one tenant: all that it owns, and nothing of anybody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neo_routing import Agent, Channel, EndCompany, Rows, Tenant
from neo_routing.content import part_of_content
from neo_routing.own_rows import rows_of_tenant
from neo_routing.testing import World
from neo_routing.testing.strategies import PLATFORM_TENANT_ID, TENANT_IDS, directories

WORLDS = directories()
ACCOUNTS = st.sampled_from([*TENANT_IDS, PLATFORM_TENANT_ID, "msp-gone"])


def owned(world: World, tenant_id: str) -> list[Tenant | Agent | Channel | EndCompany]:
    return [row for row in world.content if (row.id if isinstance(row, Tenant) else row.tenant_id) == tenant_id]


@given(WORLDS, ACCOUNTS)
def test_they_are_the_same_as_rows_built_of_what_it_owns_alone(world: World, tenant_id: str) -> None:
    cut = rows_of_tenant(tenant_id, world.content)
    assert cut == part_of_content(owned(world, tenant_id))
    assert cut.is_slice


@given(WORLDS, ACCOUNTS)
def test_those_of_a_part_that_holds_them_all_are_the_same(world: World, tenant_id: str) -> None:
    part: Rows = part_of_content(owned(world, tenant_id))
    assert rows_of_tenant(tenant_id, part) == rows_of_tenant(tenant_id, world.content)
