"""Commands as Graph JSON."""

from services.outbound.domain.rendering import receipt_to_graph, to_graph
from shared.contracts.content import ListMenu, ListRow, ListSection
from shared.contracts.outbound import Recipient
from tests.outbound.samples import PHONE, a_list, a_receipt, a_send, buttons


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


def test_buttons_carry_what_comes_back_with_the_tap() -> None:
    body = to_graph(a_send().model_copy(update={"content": buttons(2)}))
    assert body["type"] == "interactive"
    assert body["interactive"] == {
        "type": "button",
        "body": {"text": "Como podemos ajudar?"},
        "footer": {"text": "Guichê"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "s.0", "title": "Opção 0"}},
                {"type": "reply", "reply": {"id": "s.1", "title": "Opção 1"}},
            ]
        },
    }


def test_a_list_leaves_out_what_it_does_not_have() -> None:
    body = to_graph(a_send().model_copy(update={"content": a_list()}))
    assert body["interactive"] == {
        "type": "list",
        "body": {"text": "Escolha o setor"},
        "action": {
            "button": "Setores",
            "sections": [
                {
                    "rows": [
                        {"id": "s.vendas", "title": "Vendas", "description": "Preços e prazos"},
                        {"id": "s.suporte", "title": "Suporte"},
                    ]
                }
            ],
        },
    }


def test_sections_keep_their_titles() -> None:
    sections = [
        ListSection(title=title, rows=[ListRow(id=title, title=title)]) for title in ("A", "B")
    ]
    content = ListMenu(text="?", button="Ver", sections=sections)
    shown = to_graph(a_send().model_copy(update={"content": content}))["interactive"]
    assert isinstance(shown, dict)
    assert shown["action"] == {
        "button": "Ver",
        "sections": [
            {"title": "A", "rows": [{"id": "A", "title": "A"}]},
            {"title": "B", "rows": [{"id": "B", "title": "B"}]},
        ],
    }


def test_a_receipt_names_the_message_that_was_read() -> None:
    assert receipt_to_graph(a_receipt("wamid.IN1")) == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.IN1",
    }
