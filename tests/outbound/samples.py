"""Commands, statuses and rows that the tests of outbound begin with."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from deploy.simulator import contents
from deploy.simulator.files import media_id
from services.outbound.domain.queue_row import Kind, QueueRow, State
from shared.contracts.content import Button, Buttons, ListMenu, ListRow, ListSection, Text
from shared.contracts.inbound import Sender, Status, TextReceived
from shared.contracts.outbound import (
    CancelSend,
    FetchMedia,
    Recipient,
    SendMessage,
    SendReadReceipt,
)
from shared.plumbing import clock

ACCOUNT = UUID("0199aaaa-0000-7000-8000-000000000001")
CONNECTION = UUID("0199aaaa-0000-7000-8000-000000000002")
PEPPER = b"p" * 32
PHONE = "5511951234567"
META_ID = media_id("image", "theirs")
AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def a_contact(number: int = 0) -> UUID:
    return uuid5(ACCOUNT, f"contact {number}")


def a_send(
    number: int = 0,
    *,
    text: str = "Olá!",
    after: UUID | None = None,
    at: datetime = AT,
    window: timedelta | None = timedelta(hours=20),
    message_id: UUID | None = None,
    connection: UUID = CONNECTION,
) -> SendMessage:
    """A text to customer `number`."""
    return SendMessage(
        message_id=message_id or uuid4(),
        account_id=ACCOUNT,
        contact_id=a_contact(number),
        connection_id=connection,
        conversation_id=uuid5(a_contact(number), str(connection)),
        ticket_id=uuid5(ACCOUNT, f"ticket {number}"),
        recipient=Recipient(phone=a_phone(number)),
        content=Text(text=text),
        window_closes_at=None if window is None else at + window,
        after=after,
        queued_at=at,
    )


def texts(count: int, customer: int = 0) -> list[SendMessage]:
    """What is queued for one customer now, in order."""
    return [a_send(customer, text=f"texto {n}", at=clock.now()) for n in range(count)]


def a_cancel(command: SendMessage, reason: str = "session_ended") -> CancelSend:
    return CancelSend(
        message_id=command.message_id,
        account_id=command.account_id,
        contact_id=command.contact_id,
        connection_id=command.connection_id,
        reason=reason,
        requested_at=command.queued_at + timedelta(seconds=1),
    )


def buttons(count: int = 2) -> Buttons:
    """A question with so many buttons; Meta takes three."""
    offered = [Button(id=f"s.{n}", title=f"Opção {n}") for n in range(count)]
    return Buttons(text="Como podemos ajudar?", footer="Guichê", buttons=offered)


def a_list() -> ListMenu:
    rows = [
        ListRow(id="s.vendas", title="Vendas", description="Preços e prazos"),
        ListRow(id="s.suporte", title="Suporte"),
    ]
    return ListMenu(text="Escolha o setor", button="Setores", sections=[ListSection(rows=rows)])


def a_receipt(wamid: str = "wamid.IN1", *, at: datetime = AT) -> SendReadReceipt:
    return SendReadReceipt(
        receipt_id=uuid4(),
        account_id=ACCOUNT,
        contact_id=a_contact(),
        connection_id=CONNECTION,
        wamid=wamid,
        read_at=at,
    )


def a_fetch(**more: Any) -> FetchMedia:  # noqa: ANN401
    image: Any = contents.media("image", "theirs")["image"]
    values = {
        "message_id": uuid4(),
        "account_id": ACCOUNT,
        "contact_id": a_contact(),
        "connection_id": CONNECTION,
        "conversation_id": uuid4(),
        "ticket_id": uuid4(),
        "provider_id": META_ID,
        "mime_type": "image/png",
        "sha256": image["sha256"],
        "requested_at": clock.now(),
    }
    return FetchMedia.model_validate({**values, **more})


def a_phone(number: int = 0) -> str:
    return str(int(PHONE) + number)


def a_status(
    kind: type[Status], opaque: UUID | str | None, wamid: str, *, at: datetime = AT, code: int = 0
) -> Status:
    """A status as ingest publishes it."""
    errors = {"errors": [{"code": code}]} if code else {}
    return kind.model_validate(
        {
            "account_id": ACCOUNT,
            "connection_id": CONNECTION,
            "phone_number_id": "200000000000001",
            "body_sha256": "00",
            "index": "0/0/statuses/0",
            "received_at": at,
            "raw": "{}",
            "wamid": wamid,
            "occurred_at": at,
            "opaque_id": None if opaque is None else str(opaque),
            **errors,
        }
    )


def a_text_received(
    number: int = 0, *, at: datetime = AT, group: str | None = None
) -> TextReceived:
    return TextReceived(
        account_id=ACCOUNT,
        connection_id=CONNECTION,
        phone_number_id="200000000000001",
        body_sha256="00",
        index="0/0/messages/0",
        received_at=at,
        raw="{}",
        wamid=f"wamid.{uuid4()}",
        sender=Sender(phone=a_phone(number)),
        occurred_at=at,
        group_id=group,
        text="oi",
    )


def a_row(state: State = State.SENDING, *, kind: Kind = Kind.SEND) -> QueueRow:
    return QueueRow(
        message_id=uuid4(),
        kind=kind,
        key=b"k",
        account_id=ACCOUNT,
        contact_id=a_contact(),
        connection_id=CONNECTION,
        conversation_id=uuid4() if kind is Kind.SEND else None,
        ticket_id=uuid4() if kind is Kind.SEND else None,
        state=state,
        queued_at=AT,
        next_attempt_at=AT,
        attempts=1,
    )
