"""Messages that a person writes or picks without our asking: text, place, cards, order."""

from services.ingest.domain.normalise.origin import MessageFields
from services.ingest.domain.normalise.reading import (
    Object,
    errors_of,
    id_of,
    list_of,
    number_of,
    optional_id,
    optional_number,
    optional_part,
    optional_text,
    part_of,
    text_of,
)
from shared.contracts import inbound
from shared.contracts.content import OrderedProduct


def to_text(fields: MessageFields, message: Object) -> inbound.TextReceived:
    """A text."""
    return inbound.TextReceived(**fields, text=text_of(part_of(message, "text"), "body"))


def to_location(fields: MessageFields, message: Object) -> inbound.LocationReceived:
    """A place."""
    body = part_of(message, "location")
    return inbound.LocationReceived(
        **fields,
        latitude=number_of(body, "latitude"),
        longitude=number_of(body, "longitude"),
        name=optional_text(body, "name"),
        address=optional_text(body, "address"),
        url=optional_text(body, "url"),
    )


def to_contacts(fields: MessageFields, message: Object) -> inbound.ContactsReceived:
    """Cards of other people."""
    return inbound.ContactsReceived(**fields, contacts=list_of(message, "contacts"))


def to_order(fields: MessageFields, message: Object) -> inbound.OrderPlaced:
    """An order; numbers arrive as numbers or as texts."""
    body = part_of(message, "order")
    return inbound.OrderPlaced(
        **fields,
        catalog_id=optional_id(body, "catalog_id"),
        text=optional_text(body, "text"),
        items=[_line(product) for product in list_of(body, "product_items")],
    )


def _line(product: Object) -> OrderedProduct:
    return OrderedProduct(
        product_retailer_id=id_of(product, "product_retailer_id"),
        quantity=number_of(product, "quantity"),
        item_price=optional_number(product, "item_price"),
        currency=optional_id(product, "currency"),
    )


def to_unreadable(fields: MessageFields, message: Object) -> inbound.UnreadableReceived:
    """Meta's own `unsupported` (older: `unknown`): a person wrote, nobody can say what."""
    return inbound.UnreadableReceived(
        **fields,
        original_type=optional_id(optional_part(message, "unsupported"), "type"),
        errors=errors_of(message),
    )
