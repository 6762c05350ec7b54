"""Commands as Graph JSON."""

from pathlib import Path

import pytest

import shared.contracts
from services.outbound.domain.rendering import RENDERERS, receipt_to_graph, to_graph
from shared.contracts.content import (
    SENDABLE,
    Audio,
    Document,
    Image,
    ListMenu,
    ListRow,
    ListSection,
    Location,
    Media,
    SendableContent,
    Sticker,
    Video,
)
from shared.contracts.outbound import Recipient, SendMessage
from tests.outbound.samples import PHONE, a_list, a_receipt, a_send, buttons

FILE = Media(id="901", mime_type="image/png")


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


def test_every_type_that_can_be_sent_has_a_renderer_and_a_published_example() -> None:
    assert set(RENDERERS) == set(SENDABLE.values())
    assert {command.content.type for command in examples()} == set(SENDABLE)
    for command in examples():
        body = to_graph(command)
        assert body["type"] in body, "the part that is named after the type holds the content"


def examples() -> list[SendMessage]:
    folder = Path(shared.contracts.__file__).with_name("examples")
    return [
        SendMessage.read(path.read_bytes()) for path in folder.glob(f"{SendMessage.TYPE}*.json")
    ]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (Image(media=FILE, caption="A rota"), {"id": "901", "caption": "A rota"}),
        (Image(media=FILE), {"id": "901"}),
        (Video(media=FILE, caption="O passo"), {"id": "901", "caption": "O passo"}),
        (Document(media=FILE, filename="b.pdf"), {"id": "901", "filename": "b.pdf"}),
        (Audio(media=FILE, voice=True), {"id": "901", "voice": True}),
        (Audio(media=FILE), {"id": "901"}),
        (Sticker(media=FILE), {"id": "901"}),
        (
            Location(latitude=-23.5, longitude=-46.6, name="Loja", url="https://x.example"),
            {"latitude": -23.5, "longitude": -46.6, "name": "Loja"},
        ),
    ],
)
def test_a_file_is_named_by_metas_id_and_a_place_by_where_it_is(
    content: SendableContent, shown: dict[str, object]
) -> None:
    body = to_graph(a_send().model_copy(update={"content": content}))
    assert body[content.type] == shown


def test_a_receipt_names_the_message_that_was_read() -> None:
    assert receipt_to_graph(a_receipt("wamid.IN1")) == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.IN1",
    }
