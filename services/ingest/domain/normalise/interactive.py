"""Answers to what we sent: taps on buttons and rows, filled forms, permissions, products."""

import json
from collections.abc import Callable, Mapping
from typing import Final, cast

from pydantic import JsonValue

from services.ingest.domain.normalise.origin import MessageFields
from services.ingest.domain.normalise.reading import (
    Object,
    UnreadableItemError,
    clean,
    flag,
    id_of,
    optional_id,
    optional_instant,
    optional_text,
    part_of,
    text_of,
)
from shared.contracts import inbound


def to_interactive(fields: MessageFields, message: Object) -> inbound.InboundMessage:
    """One contract per sub-type; raises UnreadableItemError for those that we do not know."""
    body = part_of(message, "interactive")
    kind = optional_id(body, "type") or next((name for name in _KINDS if name in body), "none")
    if kind not in _KINDS:
        part = f"interactive/{kind}"
        raise UnreadableItemError(part)
    return _KINDS[kind](fields, part_of(body, kind))


def to_template_button(fields: MessageFields, message: Object) -> inbound.TemplateButtonPressed:
    """A tap on a template's quick-reply button."""
    body = part_of(message, "button")
    return inbound.TemplateButtonPressed(
        **fields, payload=optional_text(body, "payload"), text=text_of(body, "text")
    )


def _to_button(fields: MessageFields, body: Object) -> inbound.ButtonReplied:
    return inbound.ButtonReplied(
        **fields, button_id=text_of(body, "id"), title=text_of(body, "title")
    )


def _to_row(fields: MessageFields, body: Object) -> inbound.ListReplied:
    return inbound.ListReplied(
        **fields,
        row_id=text_of(body, "id"),
        title=text_of(body, "title"),
        description=optional_text(body, "description"),
    )


def _to_form(fields: MessageFields, body: Object) -> inbound.FormReplied:
    written = optional_text(body, "response_json") or ""
    return inbound.FormReplied(
        **fields,
        name=optional_id(body, "name"),
        text=optional_text(body, "body"),
        response=_form(written),
        response_json=written,
    )


def _form(written: str) -> dict[str, JsonValue] | None:
    """Meta's string is the customer's client's work: it may be anything."""
    try:
        found = clean(cast("JsonValue", json.loads(written, parse_constant=str)))
    except (ValueError, RecursionError, UnreadableItemError):
        return None
    return found if isinstance(found, dict) else None


def _to_call_permission(fields: MessageFields, body: Object) -> inbound.CallPermissionReplied:
    return inbound.CallPermissionReplied(
        **fields,
        response=id_of(body, "response"),
        permanent=flag(body, "is_permanent"),
        expires_at=optional_instant(body, "expiration_timestamp"),
        source=optional_id(body, "response_source"),
    )


def _to_product(fields: MessageFields, body: Object) -> inbound.ProductShared:
    return inbound.ProductShared(**fields, product=dict(body))


_KINDS: Final[Mapping[str, Callable[[MessageFields, Object], inbound.InboundMessage]]] = {
    "button_reply": _to_button,
    "list_reply": _to_row,
    "nfm_reply": _to_form,
    "call_permission_reply": _to_call_permission,
    "product": _to_product,
}
