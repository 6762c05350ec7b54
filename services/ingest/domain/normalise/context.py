"""Read what a message replies to and which ad brought it; never fails an item."""

from services.ingest.domain.normalise.reading import (
    Object,
    flag,
    optional_id,
    optional_part,
    optional_text,
)
from shared.contracts.inbound import Reference, Referral


def context_of(message: Object) -> Reference | None:
    """Cloud API 4, `context`."""
    context = optional_part(message, "context")
    if not context:
        return None
    product = optional_part(context, "referred_product")
    return Reference(
        wamid=optional_id(context, "id"),
        forwarded=flag(context, "forwarded") or flag(context, "frequently_forwarded"),
        frequently_forwarded=flag(context, "frequently_forwarded"),
        catalog_id=optional_id(product, "catalog_id"),
        product_id=optional_id(product, "product_retailer_id"),
    )


def referral_of(message: Object) -> Referral | None:
    """Cloud API 4, `referral`."""
    referral = optional_part(message, "referral")
    if not referral:
        return None
    return Referral(**{name: optional_text(referral, name) for name in Referral.model_fields})
