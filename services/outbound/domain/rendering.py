"""How does a command look as Graph JSON (Cloud API 8)?"""

from pydantic import JsonValue

from shared.contracts.outbound import Recipient, SendMessage, SendReadReceipt


def to_graph(command: SendMessage) -> dict[str, JsonValue]:
    """The body of POST /messages; Meta echoes our id in statuses."""
    body: dict[str, JsonValue] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(command.recipient),
        "type": "text",
        "text": {"body": command.content.text},
        "biz_opaque_callback_data": str(command.message_id),
    }
    if command.reply_to_wamid is not None:
        body["context"] = {"message_id": command.reply_to_wamid}
    return body


def receipt_to_graph(command: SendReadReceipt) -> dict[str, JsonValue]:
    """The body that marks everything up to a message as read."""
    return {"messaging_product": "whatsapp", "status": "read", "message_id": command.wamid}


def _recipient(recipient: Recipient) -> dict[str, JsonValue]:
    """A phone with its plus sign: without it Meta may take it for a local number."""
    if recipient.phone:
        return {"to": "+" + recipient.phone.removeprefix("+")}
    return {"recipient": recipient.user_id}
