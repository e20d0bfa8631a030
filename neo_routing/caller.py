"""Who asks."""

from __future__ import annotations

from typing import Final

from attrs import Factory, field, frozen

from neo_routing import well_formed
from neo_routing.complaints import naming_its_fields
from neo_routing.names import Name


class CallerKind(Name):
    """The three ways to be authenticated."""

    PLATFORM = "platform"
    SERVICE_ACCOUNT = "service_account"
    USER = "user"


_KINDS: Final = well_formed.members_of(CallerKind)


def _kind(value: CallerKind) -> CallerKind:
    return well_formed.member(value, _KINDS)


@frozen(field_transformer=naming_its_fields)
class Caller:
    """Who asks, as the host's authentication established it.

    Only a platform service account is a *platform caller*. `tenant_id` is the caller's home tenant.
    Raises `ValueError` on an unknown kind and on an id that is blank, over 256 characters or not clean text.

    >>> Caller(CallerKind.PLATFORM, "platform").is_platform
    True
    >>> Caller(CallerKind.USER, "msp-a").is_platform
    False
    """

    kind: CallerKind = field(converter=_kind)
    tenant_id: str = field(converter=well_formed.identifier)
    is_platform: bool = field(
        default=Factory(lambda self: self.kind is CallerKind.PLATFORM, takes_self=True),
        init=False,
        eq=False,
        repr=False,
    )
