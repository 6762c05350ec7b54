"""What did the customer say, in our words? Each inbound type as a Content of the domain."""

from functools import singledispatch

from services.tickets.domain.content import Content, Media, Referral
from shared.contracts import inbound


@singledispatch
def content_of(item: inbound.InboundMessage) -> Content:
    """The content of an item that says something; what nobody can read is shown as such."""
    return Content(type="unsupported", details={"kind": item.TYPE})


@content_of.register
def _(item: inbound.TextReceived) -> Content:
    return Content(type="text", text=item.text)


@content_of.register
def _(item: inbound.ImageReceived) -> Content:
    return Content(type="image", text=item.caption, media=_media(item.media))


@content_of.register
def _(item: inbound.VideoReceived) -> Content:
    return Content(type="video", text=item.caption, media=_media(item.media))


@content_of.register
def _(item: inbound.AudioReceived) -> Content:
    return Content(type="audio", media=_media(item.media), details={"voice": item.voice})


@content_of.register
def _(item: inbound.DocumentReceived) -> Content:
    details: dict[str, object] = {"filename": item.filename}
    return Content(type="document", text=item.caption, media=_media(item.media), details=details)


@content_of.register
def _(item: inbound.StickerReceived) -> Content:
    return Content(type="sticker", media=_media(item.media), details={"animated": item.animated})


@content_of.register
def _(item: inbound.LocationReceived) -> Content:
    fields = item.model_dump(include={"latitude", "longitude", "name", "address", "url"})
    return Content(type="location", text=item.name or item.address, details=fields)


@content_of.register
def _(item: inbound.ContactsReceived) -> Content:
    return Content(type="contacts", details={"contacts": item.contacts})


@content_of.register
def _(item: inbound.ButtonReplied) -> Content:
    return Content(type="button_reply", text=item.title, details={"id": item.button_id})


@content_of.register
def _(item: inbound.ListReplied) -> Content:
    details: dict[str, object] = {"id": item.row_id, "description": item.description}
    return Content(type="list_reply", text=item.title, details=details)


@content_of.register
def _(item: inbound.FormReplied) -> Content:
    details: dict[str, object] = {"name": item.name, "response": item.response}
    return Content(type="form_reply", text=item.text, details=details)


@content_of.register
def _(item: inbound.CallPermissionReplied) -> Content:
    details: dict[str, object] = {"response": item.response, "permanent": item.permanent}
    return Content(type="call_permission_reply", details=details)


@content_of.register
def _(item: inbound.ProductShared) -> Content:
    return Content(type="product", details={"product": item.product})


@content_of.register
def _(item: inbound.TemplateButtonPressed) -> Content:
    return Content(type="template_button", text=item.text, details={"payload": item.payload})


@content_of.register
def _(item: inbound.OrderPlaced) -> Content:
    items = [line.model_dump() for line in item.items]
    details: dict[str, object] = {"catalog_id": item.catalog_id, "items": items}
    return Content(type="order", text=item.text, details=details)


@content_of.register
def _(item: inbound.UnreadableReceived) -> Content:
    return Content(type="unsupported", details={"original_type": item.original_type})


@content_of.register
def _(item: inbound.UnknownReceived) -> Content:
    return Content(type="unsupported", details={"original_type": item.original_type})


def referral_of(item: inbound.InboundMessage) -> Referral | None:
    """The ad or post through which the customer came."""
    return None if item.referral is None else Referral(**item.referral.model_dump())


def _media(media: inbound.Media) -> Media:
    return Media(**media.model_dump())
