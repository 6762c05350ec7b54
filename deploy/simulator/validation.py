"""Is this a message that Meta would take? Its rules and its codes (Cloud API 8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deploy.simulator.choices import Choice, choices_of
from deploy.simulator.errors import RefusedError
from deploy.simulator.fields import an_object, required
from deploy.simulator.interactive import check_interactive
from deploy.simulator.json_values import Json, as_list, as_object, as_text

_OPAQUE_LIMIT: Final = 512
_TEXT_LIMIT: Final = 4096
_CAPTION_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that the business wants to send."""

    to: str  # phone as written, or user id
    type: str
    text: str | None
    opaque: str | None
    category: str  # service, or the template's
    choices: tuple[Choice, ...] = ()  # buttons or rows
    media_id: str | None = None  # of an uploaded file


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mark as read, perhaps with the typing indicator."""

    message_id: str
    typing: bool


def read_call(body: Json) -> Outgoing | Receipt:
    """Understand the body of `POST /messages`.

    Raises:
        RefusedError: Meta would refuse it.
    """
    if body.get("messaging_product") != "whatsapp":
        raise RefusedError(100, "Param messaging_product must be one of {WHATSAPP}")
    return _receipt(body) if "status" in body else _outgoing(body)


def _receipt(body: Json) -> Receipt:
    if body["status"] != "read":
        raise RefusedError(100, "Param status must be one of {READ}")
    wamid = required(body, "message_id")
    if not wamid.startswith("wamid."):
        raise RefusedError(131009, "message_id is not a message id")
    typing = as_object(body.get("typing_indicator"))
    if "typing_indicator" in body and (typing is None or typing.get("type") != "text"):
        raise RefusedError(100, "Param typing_indicator['type'] must be one of {TEXT}")
    return Receipt(wamid, typing is not None)


def _outgoing(body: Json) -> Outgoing:
    to = as_text(body.get("to")) or as_text(body.get("recipient"))
    if to is None:
        raise RefusedError(131008, "The parameter to is required.")
    kind = body.get("type", "text")
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or check is None:
        raise RefusedError(100, "Param type is not a known message type")
    content = body.get(kind)
    if content is None:
        raise RefusedError(131008, f"The parameter {kind} is required.")
    check(content)
    _check_context(body)
    said, offered = _text_of(kind, content), choices_of(kind, content)
    media_id = None
    if check is _check_media:
        media_id = as_text(an_object(content, kind).get("id"))
    return Outgoing(to, kind, said, _opaque(body), _category(kind), offered, media_id)


def _opaque(body: Json) -> str | None:
    opaque = body.get("biz_opaque_callback_data")
    if opaque is None:
        return None
    if not isinstance(opaque, str) or len(opaque) > _OPAQUE_LIMIT:
        raise RefusedError(100, f"biz_opaque_callback_data: at most {_OPAQUE_LIMIT} characters")
    return opaque


def _check_context(body: Json) -> None:
    if "context" in body:
        context = as_object(body["context"])
        if context is None or as_text(context.get("message_id")) is None:
            raise RefusedError(131009, "context needs a message_id")


def _text_of(kind: str, content: object) -> str | None:
    shape = as_object(content) or {}
    if kind == "text":
        return as_text(shape.get("body"))
    if kind == "interactive":
        return as_text((as_object(shape.get("body")) or {}).get("text"))
    return as_text(shape.get("caption")) or as_text(shape.get("name"))


def _category(kind: str) -> str:
    return "utility" if kind == "template" else "service"


def _check_text(content: object) -> None:
    required(an_object(content, "text"), "body", _TEXT_LIMIT)


def _check_media(content: object) -> None:
    shape = an_object(content, "media")
    if (as_text(shape.get("id")) is None) == (as_text(shape.get("link")) is None):
        raise RefusedError(100, "Exactly one of id and link is required.")
    if "caption" in shape:
        required(shape, "caption", _CAPTION_LIMIT)


def _check_location(content: object) -> None:
    shape = an_object(content, "location")
    if not all(isinstance(shape.get(key), int | float) for key in ("latitude", "longitude")):
        raise RefusedError(131009, "latitude and longitude must be numbers")


def _check_contacts(content: object) -> None:
    if not as_list(content):
        raise RefusedError(131009, "contacts must be a list with at least one element")


def _check_reaction(content: object) -> None:
    shape = an_object(content, "reaction")
    required(shape, "message_id")
    if not isinstance(shape.get("emoji"), str):
        raise RefusedError(131008, "The parameter emoji is required.")


def _check_template(content: object) -> None:
    shape = an_object(content, "template")
    required(shape, "name", 512)
    required(an_object(shape.get("language"), "language"), "code")
    if "components" in shape and as_list(shape["components"]) is None:
        raise RefusedError(131009, "components must be a list")


def _check_interactive(content: object) -> None:
    check_interactive(an_object(content, "interactive"))


_CHECKS: Final[dict[str, Callable[[object], None]]] = {
    "text": _check_text,
    "interactive": _check_interactive,
    "template": _check_template,
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
    **dict.fromkeys(("image", "video", "audio", "document", "sticker"), _check_media),
}
