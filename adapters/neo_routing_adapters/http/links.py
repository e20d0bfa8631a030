"""Which tenant the users of an M365 tenant belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from neo_routing import well_formed


@frozen(kw_only=True)
class EntraLink:
    """The users of an M365 tenant are users of this tenant. Raises `ValueError` for ids that cannot be any."""

    m365_tenant_id: str = field(converter=well_formed.m365_tenant_id)
    tenant_id: str = field(converter=well_formed.identifier)
    created_at: datetime


class EntraLinks(Protocol):
    """Where links are found, each time anew."""

    async def tenant_of(self, m365_tenant_id: str) -> str | None:
        """Return the tenant that an M365 tenant, in normal form, is linked to.

        Raises `AuthenticationUnavailable` if that cannot be told.
        """
        ...


class MemoryEntraLinks:
    """Links in memory, from M365 tenants to tenants."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = {
            well_formed.m365_tenant_id(m365_tenant_id): well_formed.identifier(tenant_id)
            for m365_tenant_id, tenant_id in links.items()
        }

    async def tenant_of(self, m365_tenant_id: str) -> str | None:
        """Return the tenant that an M365 tenant is linked to."""
        return self._links.get(m365_tenant_id)
