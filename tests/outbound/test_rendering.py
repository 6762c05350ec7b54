"""Commands as Graph JSON."""

from services.outbound.domain.rendering import receipt_to_graph, to_graph
from shared.contracts.outbound import Recipient
from tests.outbound.samples import PHONE, a_receipt, a_send


def test_a_text_carries_our_id_and_the_phone_as_meta_gave_it() -> None:
    command = a_send(text="Olá!")
    assert to_graph(command) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": f"+{PHONE}",
        "type": "text",
        "text": {"body": "Olá!"},
        "biz_opaque_callback_data": str(command.message_id),
    }


def test_a_reply_quotes_and_a_customer_without_phone_is_named_by_user_id() -> None:
    command = a_send().model_copy(
        update={"reply_to_wamid": "wamid.Q", "recipient": Recipient(user_id="BR.8f21")}
    )
    body = to_graph(command)
    assert body["context"] == {"message_id": "wamid.Q"}
    assert body["recipient"] == "BR.8f21"
    assert "to" not in body


def test_a_receipt_names_the_message_that_was_read() -> None:
    assert receipt_to_graph(a_receipt("wamid.IN1")) == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.IN1",
    }
