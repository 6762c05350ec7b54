"""Are these buttons and lists within Meta's limits (Cloud API 8.3)?"""

from collections.abc import Callable
from typing import Final

from deploy.simulator.errors import RefusedError
from deploy.simulator.fields import an_object, required
from deploy.simulator.json_values import Json, as_list

_BODY_LIMIT: Final = 1024
_HEADER_LIMIT: Final = 60
_FOOTER_LIMIT: Final = 60
_BUTTONS: Final = 3
_ROWS: Final = 10
_SECTIONS: Final = 10


def check_interactive(shape: Json) -> None:
    """Refuse what Meta refuses; types with their own pages of rules are only looked at."""
    kind = required(shape, "type")
    if kind != "call_permission_request":
        required(an_object(shape.get("body"), "body"), "text", _BODY_LIMIT)
    if "footer" in shape:
        required(an_object(shape["footer"], "footer"), "text", _FOOTER_LIMIT)
    if "header" in shape:
        _check_header(an_object(shape["header"], "header"), kind)
    action = an_object(shape.get("action"), "action")
    check = _CHECKS.get(kind)
    if check:
        check(action)
    elif kind not in _OTHERS:
        raise RefusedError(100, "Param interactive['type'] is not a known type")


def _check_header(header: Json, of: str) -> None:
    """A list has none but a text."""
    kind = required(header, "type")
    if kind == "text":
        required(header, "text", _HEADER_LIMIT)
    elif of == "list":
        raise RefusedError(131009, "the header of a list is a text")


def _check_buttons(action: Json) -> None:
    buttons = as_list(action.get("buttons"))
    if not buttons or len(buttons) > _BUTTONS:
        raise RefusedError(131009, f"buttons: 1 to {_BUTTONS}")
    replies = [_reply(an_object(button, "button")) for button in buttons]
    titles = [required(reply, "title", 20) for reply in replies]
    ids = [required(reply, "id", 256) for reply in replies]
    if len(set(ids)) < len(ids) or len(set(titles)) < len(titles):
        raise RefusedError(131009, "ids and titles of buttons must be unique")


def _reply(button: Json) -> Json:
    if button.get("type") != "reply":
        raise RefusedError(131009, "the type of a button must be reply")
    return an_object(button.get("reply"), "reply")


def _check_list(action: Json) -> None:
    required(action, "button", 20)
    sections = as_list(action.get("sections"))
    if not sections or len(sections) > _SECTIONS:
        raise RefusedError(131009, f"sections: 1 to {_SECTIONS}")
    rows = [row for section in sections for row in _rows(section, titled=len(sections) > 1)]
    if not rows or len(rows) > _ROWS:
        raise RefusedError(131009, f"rows: 1 to {_ROWS} in all")
    ids = [required(row, "id", 200) for row in rows]
    if len(set(ids)) < len(ids):
        raise RefusedError(131009, "ids of rows must be unique")


def _rows(value: object, *, titled: bool) -> list[Json]:
    section = an_object(value, "section")
    if titled or "title" in section:
        required(section, "title", 24)
    rows = [an_object(row, "row") for row in as_list(section.get("rows")) or ()]
    for row in rows:
        required(row, "title", 24)
        if "description" in row:
            required(row, "description", 72)
    return rows


_CHECKS: Final[dict[str, Callable[[Json], None]]] = {
    "button": _check_buttons,
    "list": _check_list,
}
_OTHERS: Final = frozenset(
    {
        "cta_url",
        "location_request_message",
        "request_contact_info",
        "flow",
        "product",
        "product_list",
        "catalog_message",
        "carousel",
        "address_message",
        "call_permission_request",
        "voice_call",
        "order_details",
        "order_status",
    }
)
