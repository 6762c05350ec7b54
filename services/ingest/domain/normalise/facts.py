"""Messages about something else: reactions, edits, revocations, changes of identity."""

from services.ingest.domain.normalise.origin import MessageFields
from services.ingest.domain.normalise.reading import (
    Object,
    id_of,
    optional_id,
    optional_part,
    optional_text,
    part_of,
)
from services.ingest.domain.normalise.sender import identity
from shared.contracts import inbound


def to_reaction(fields: MessageFields, message: Object) -> inbound.ReactionChanged:
    """Taken back: no emoji, or an empty one."""
    body = part_of(message, "reaction")
    return inbound.ReactionChanged(
        **fields,
        target_wamid=id_of(body, "message_id"),
        emoji=optional_id(body, "emoji"),
    )


def to_edit(fields: MessageFields, message: Object) -> inbound.MessageEdited:
    """The new text is a text's body, or the caption of a file."""
    body = part_of(message, "edit")
    edited = part_of(body, "message")
    inner = optional_part(edited, optional_id(edited, "type") or "text")
    return inbound.MessageEdited(
        **fields,
        target_wamid=id_of(body, "original_message_id"),
        text=optional_text(inner, "body") or optional_text(inner, "caption"),
        message=edited,
    )


def to_revoke(fields: MessageFields, message: Object) -> inbound.MessageRevoked:
    """The customer took a message back."""
    body = part_of(message, "revoke")
    return inbound.MessageRevoked(**fields, target_wamid=id_of(body, "original_message_id"))


def to_identity_change(fields: MessageFields, message: Object) -> inbound.IdentityChanged:
    """`system`: another number, another user id, or another device key."""
    body = part_of(message, "system")
    phone, user_id = identity(optional_id(body, "wa_id", "new_wa_id"), optional_id(body, "user_id"))
    return inbound.IdentityChanged(
        **fields,
        change=id_of(body, "type"),
        new_phone=phone,
        new_user_id=user_id,
        previous_user_id=optional_id(body, "previous_user_id"),
        text=optional_text(body, "body"),
    )
