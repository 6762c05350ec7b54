"""What was said: the contract's classes as the domain's opaque content, and back."""

from typing import Final

from pydantic import TypeAdapter

from services.tickets.domain.content import Content, Referral
from shared.contracts import content as contract
from shared.contracts import inbound

_STORED: Final = TypeAdapter(Content)


def to_stored(content: contract.BaseContent) -> Content:
    """The content in the form that is stored and published."""
    return _STORED.validate_python(contract.to_published(content).model_dump())


def from_stored(content: Content) -> contract.Content:
    """The class of a stored content; what this version cannot read is `Unsupported`."""
    published = contract.PublishedContent.model_validate(content, from_attributes=True)
    return contract.from_published(published)


def referral_of(item: inbound.InboundMessage) -> Referral | None:
    """The ad or post through which the customer came."""
    return None if item.referral is None else Referral(**item.referral.model_dump())
