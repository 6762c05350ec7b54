"""What does a wamid look like? Base64 with the person's phone inside (Cloud API 3.5)."""

import base64

_INBOUND, _OUTBOUND = 0x12, 0x11


def wamid(person: str, token: str, *, inbound: bool) -> str:
    """`person`: digits, or a user id when Meta hides the phone; `token`: unique, hexadecimal."""
    who, what = person.encode(), token.upper().encode()
    direction = _INBOUND if inbound else _OUTBOUND
    head = bytes([0x1C, 0x18, len(who)]) + who
    tail = bytes([0x15, 0x02, 0x00, direction, 0x18, len(what)]) + what + b"\x00"
    return "wamid." + base64.b64encode(head + tail).decode()


def person_of(wamid: str) -> str | None:
    """Whose message this is, when the id is one of ours."""
    try:
        raw = base64.b64decode(wamid.removeprefix("wamid."), validate=True)
        return raw[3 : 3 + raw[2]].decode() if raw.startswith(b"\x1c\x18") else None
    except (ValueError, IndexError):
        return None
