"""What stands in the headers of every message? CloudEvents 1.0, binary mode, and ours."""

from typing import Final

ALWAYS: Final = {
    "ce_specversion": "`1.0`",
    "content-type": "`application/json`",
    "ce_id": "Id of the message; the same id again is the same message.",
    "ce_type": "`<first word of the topic>.<Name>.v<n>`.",
    "ce_source": "The service that wrote it.",
    "ce_time": "When it was recorded: ISO 8601 with offset.",
}
SOMETIMES: Final = {
    "ce_subject": "Id of what it is about.",
    "ce_account": "UUID of the account (the company) that it belongs to.",
    "ce_position": "`<epoch>.<log id>`: place in the log of the event store.",
    "ce_stream": "UUID of the stream that the version counts in.",
    "ce_version": "Version of the stream with this message; the first is 1.",
    "ce_causation": "Id of what caused it: the command.",
    "ce_correlation": "Id that everything shares which one first cause led to.",
    "ce_actor": "Who did it: a kind and an internal id, never a name.",
}
HEADERS: Final = ALWAYS | SOMETIMES
