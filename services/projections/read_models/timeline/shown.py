"""A line as it is shown, with its message's delivery status."""

from services.projections.read_models.messages.fold import FINAL_FROM, RANKS, DeliveryStatus
from shared.contracts.inbox import MessageMedia, TimelineItem


def shown(item: TimelineItem, status: DeliveryStatus | None) -> TimelineItem:
    """The line with the delivery status of its message."""
    if status is None:
        return item
    common = {
        "reactions": {who: each.value for who, each in status.reactions.items() if each.value},
        "edited": status.edited is not None,
        "revoked": status.revoked,
        "text": item.text if status.edited is None else status.edited.value,
        "wamid_hash": item.wamid_hash or status.wamid_hash,
        "media": _media(item, status),
        "position": max(item.position, status.position, key=_order),
    }
    if item.direction == "in":
        return item.model_copy(update=common)
    settled = status.ended is not None and status.rank < FINAL_FROM
    by_rank = next(name for name, rank in RANKS.items() if rank == status.rank)
    word = status.ended if settled else by_rank
    reason = status.reason if settled else None
    errors = status.errors if settled else []
    return item.model_copy(
        update={**common, "fate": word, "fate_reason": reason, "fate_errors": errors}
    )


def _media(item: TimelineItem, status: DeliveryStatus) -> MessageMedia | None:
    if item.media is None or status.media is None:
        return item.media
    return item.media.model_copy(update=status.media.model_dump())


def _order(position: str) -> tuple[int, int]:
    epoch, _, rest = position.partition(".")
    return (int(epoch), int(rest.partition("-")[2])) if rest else (-1, -1)
