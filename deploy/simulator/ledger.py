"""What really happened? Every Graph request and every item of a webhook, in order, bounded."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_CODES_KEPT: Final = 64  # of one item; more are only counted


@dataclass(slots=True)
class Request:
    """A Graph call as it was received, what was truly done, and what was answered."""

    seq: int
    at_ns: int  # monotonic, of the simulator's machine
    phone_number_id: str
    kind: str  # message, read, typing or upload
    to: str | None = None  # as the caller wrote it
    person: str | None = None  # whom the simulator took it for
    type: str | None = None
    text: str | None = None
    opaque: str | None = None  # biz_opaque_callback_data
    message_id: str | None = None  # of read and typing
    media_id: str | None = None  # of a message's file, and of an upload
    accepted: bool = False
    wamid: str | None = None
    answer: str = "none"  # HTTP status, cut, half_close or cut_body; none while it is pending
    code: int | None = None  # Meta's error code in the answer
    fault: str | None = None


@dataclass(slots=True)
class Item:
    """One message, status or raw body for the receiver, and how each delivery was answered."""

    seq: int
    at_ns: int
    kind: str  # message, status or raw
    key: str  # wamid, or wamid:status; raw: its number
    phone_number_id: str
    person: str | None
    type: str  # of the message, or the status
    deliveries: int = 0
    acknowledged: int = 0  # how many got 200
    codes: list[int] = field(default_factory=list[int])  # HTTP; 0: no answer

    def answered(self, code: int) -> None:
        """A delivery was answered with `code`."""
        self.deliveries += 1
        self.acknowledged += code == 200  # noqa: PLR2004 - 200 only, as Meta says
        if len(self.codes) < _CODES_KEPT:
            self.codes.append(code)


class Ledger:
    """The last `cap` requests and the last `cap` items; older ones are forgotten."""

    def __init__(self, cap: int) -> None:
        self._requests: deque[Request] = deque(maxlen=cap)
        self._items: deque[Item] = deque(maxlen=cap)
        self.requests_seen = 0
        self.items_seen = 0

    def request(self, phone_number_id: str, kind: str) -> Request:
        """Note a Graph call that has just been read."""
        self.requests_seen += 1
        request = Request(self.requests_seen, time.monotonic_ns(), phone_number_id, kind)
        self._requests.append(request)
        return request

    def item(self, kind: str, key: str, number: str, person: str | None, type_: str) -> Item:
        """Note something that will be delivered."""
        self.items_seen += 1
        item = Item(self.items_seen, time.monotonic_ns(), kind, key, number, person, type_)
        self._items.append(item)
        return item

    def requests(self, after: int = 0) -> Iterator[Request]:
        """In the order of arrival, those with a higher `seq`."""
        return (request for request in tuple(self._requests) if request.seq > after)

    def items(self, after: int = 0) -> Iterator[Item]:
        """In the order in which they arose, those with a higher `seq`."""
        return (item for item in tuple(self._items) if item.seq > after)

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        self._requests.clear()
        self._items.clear()
