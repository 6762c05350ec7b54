"""Render a command as the JSON of Meta's Graph API (Cloud API 8)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import JsonValue

from shared.contracts.content import (
    Audio,
    BaseContent,
    Button,
    Buttons,
    Document,
    Image,
    ListMenu,
    ListRow,
    ListSection,
    Location,
    Sticker,
    Text,
    Video,
)
from shared.contracts.outbound import Recipient, SendMessage, SendReadReceipt

_Json = dict[str, JsonValue]


def to_graph(command: SendMessage) -> _Json:
    """The body of POST /messages; Meta echoes our id in statuses."""
    body: _Json = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(command.recipient),
        **RENDERERS[type(command.content)](command.content),
        "biz_opaque_callback_data": str(command.message_id),
    }
    if command.reply_to_wamid is not None:
        body["context"] = {"message_id": command.reply_to_wamid}
    return body


def receipt_to_graph(command: SendReadReceipt) -> _Json:
    """The body that marks everything up to a message as read."""
    return {"messaging_product": "whatsapp", "status": "read", "message_id": command.wamid}


def _recipient(recipient: Recipient) -> _Json:
    """A phone with its plus sign: without it Meta may take it for a local number."""
    if recipient.phone:
        return {"to": "+" + recipient.phone.removeprefix("+")}
    return {"recipient": recipient.user_id}


def _text(content: Text) -> _Json:
    return {"type": "text", "text": {"body": content.text}}


def _buttons(content: Buttons) -> _Json:
    return _interactive("button", content, {"buttons": [_button(one) for one in content.buttons]})


def _button(button: Button) -> JsonValue:
    return {"type": "reply", "reply": {"id": button.id, "title": button.title}}


def _list(content: ListMenu) -> _Json:
    sections: list[JsonValue] = [_section(each) for each in content.sections]
    return _interactive("list", content, {"button": content.button, "sections": sections})


def _file(content: Image | Video | Document | Sticker) -> _Json:
    """By the id that Meta gave the file; without a caption or a name where there is none."""
    shown = content.model_dump(include={"caption", "filename"}, exclude_none=True)
    return {"type": content.type, content.type: {"id": content.media.id, **shown}}


def _audio(content: Audio) -> _Json:
    """Only what was recorded is marked as a voice note (Cloud API 8.3)."""
    voice: _Json = {"voice": True} if content.voice else {}
    return {"type": "audio", "audio": {"id": content.media.id, **voice}}


def _location(content: Location) -> _Json:
    place = content.model_dump(
        include={"latitude", "longitude", "name", "address"}, exclude_none=True
    )
    return {"type": "location", "location": place}


RENDERERS: Final[Mapping[type[BaseContent], Callable[[Any], _Json]]] = {
    Text: _text,
    Buttons: _buttons,
    ListMenu: _list,
    Image: _file,
    Video: _file,
    Document: _file,
    Sticker: _file,
    Audio: _audio,
    Location: _location,
}
"""By class of content; what Meta refuses all the same has failed."""


def _interactive(kind: str, content: Buttons | ListMenu, action: _Json) -> _Json:
    shape: _Json = {"type": kind, "body": {"text": content.text}, "action": action}
    if content.footer is not None:
        shape["footer"] = {"text": content.footer}
    return {"type": "interactive", "interactive": shape}


def _section(section: ListSection) -> _Json:
    """Meta refuses an empty title where a missing one is allowed."""
    title: _Json = {} if section.title is None else {"title": section.title}
    return {**title, "rows": [_row(row) for row in section.rows]}


def _row(row: ListRow) -> _Json:
    said: _Json = {"id": row.id, "title": row.title}
    return said if row.description is None else {**said, "description": row.description}
