"""How does a command look as Graph JSON (Cloud API 8)?"""

from pydantic import JsonValue

from shared.contracts.outbound import (
    ButtonsContent,
    ImageContent,
    ListContent,
    ListRow,
    ListSection,
    Recipient,
    SendMessage,
    SendReadReceipt,
    TextContent,
)

_Json = dict[str, JsonValue]


def to_graph(command: SendMessage, media_id: str | None = None) -> _Json:
    """The body of POST /messages; `media_id` is Meta's id of its file. Statuses echo our id."""
    body: _Json = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(command.recipient),
        **_with_file(_content(command.content), media_id),
        "biz_opaque_callback_data": str(command.message_id),
    }
    if command.reply_to_wamid is not None:
        body["context"] = {"message_id": command.reply_to_wamid}
    return body


def _with_file(content: _Json, media_id: str | None) -> _Json:
    """The object that is named as the type carries the id of the file."""
    kind = str(content["type"])
    shape = content.get(kind)
    if media_id is None or not isinstance(shape, dict):
        return content
    return {**content, kind: {"id": media_id, **shape}}


def receipt_to_graph(command: SendReadReceipt) -> _Json:
    """The body that marks everything up to a message as read."""
    return {"messaging_product": "whatsapp", "status": "read", "message_id": command.wamid}


def _recipient(recipient: Recipient) -> _Json:
    """A phone with its plus sign: without it Meta may take it for a local number."""
    if recipient.phone:
        return {"to": "+" + recipient.phone.removeprefix("+")}
    return {"recipient": recipient.user_id}


def _content(content: TextContent | ButtonsContent | ListContent | ImageContent) -> _Json:
    """Limits are checked when a flow is published; what Meta refuses all the same has failed."""
    match content:
        case TextContent():
            return {"type": "text", "text": {"body": content.text}}
        case ButtonsContent():
            return _interactive("button", content, _buttons(content))
        case ImageContent():
            caption: _Json = {} if content.caption is None else {"caption": content.caption}
            return {"type": "image", "image": caption}
        case ListContent():
            return _interactive("list", content, _list(content))


def _interactive(kind: str, content: ButtonsContent | ListContent, action: _Json) -> _Json:
    shape: _Json = {"type": kind, "body": {"text": content.text}, "action": action}
    if content.footer is not None:
        shape["footer"] = {"text": content.footer}
    return {"type": "interactive", "interactive": shape}


def _buttons(content: ButtonsContent) -> _Json:
    buttons = content.buttons
    return {
        "buttons": [{"type": "reply", "reply": {"id": b.id, "title": b.title}} for b in buttons]
    }


def _list(content: ListContent) -> _Json:
    return {"button": content.button, "sections": [_section(each) for each in content.sections]}


def _section(section: ListSection) -> _Json:
    """Meta refuses an empty title where a missing one is allowed."""
    title: _Json = {} if section.title is None else {"title": section.title}
    return {**title, "rows": [_row(row) for row in section.rows]}


def _row(row: ListRow) -> _Json:
    said: _Json = {"id": row.id, "title": row.title}
    return said if row.description is None else {**said, "description": row.description}
