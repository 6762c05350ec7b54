"""What each answer of Meta means for a send."""

import json

import pytest

from services.outbound.domain.outcome import Accepted, Refused, Unknown, judge, judge_receipt

TAKEN = b'{"messaging_product":"whatsapp","contacts":[],"messages":[{"id":"wamid.B1"}]}'
HTML = b"<html><body>Bad Gateway</body></html>"


def graph_error(code: int, subcode: int | None = None) -> bytes:
    error = {"message": "(#x)", "type": "OAuthException", "code": code, "error_subcode": subcode}
    return json.dumps({"error": {**error, "error_data": {"details": "why"}}}).encode()


def test_a_2xx_that_names_the_message_is_an_acceptance() -> None:
    assert judge(200, TAKEN) == Accepted("wamid.B1")


@pytest.mark.parametrize(
    "body", [TAKEN[:20], b"", HTML, b"{}", b'{"messages":[]}', b'{"messages":[{}]}', b"[1]"]
)
def test_a_2xx_that_cannot_be_read_is_unknown(body: bytes) -> None:
    assert judge(200, body) == Unknown("unreadable_answer")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [b"", HTML, *(graph_error(c) for c in (2, 3, 131000, 131016, 131057, 133004, 190))]
)
def test_every_5xx_is_unknown_whatever_code_it_carries(status: int, body: bytes) -> None:
    assert judge(status, body) == Unknown("server_error")


@pytest.mark.parametrize("code", [4, 80007, 130429, 131056, 100, 190, 131047, 131026])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_a_4xx_with_a_graph_error_is_a_refusal_by_its_code(status: int, code: int) -> None:
    outcome = judge(status, graph_error(code))
    assert isinstance(outcome, Refused)
    assert (outcome.http, outcome.code) == (status, code)
    assert outcome.errors[0].details == "why"


def test_the_subcode_of_a_number_that_is_gone_wins_over_100() -> None:
    outcome = judge(400, graph_error(100, 33))
    assert isinstance(outcome, Refused)
    assert outcome.code == 33


@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize("body", [b"", HTML, b'{"error":"no"}', b'{"error":{"code":"x"}}'])
def test_a_4xx_without_a_graph_error_is_a_refusal_without_code(status: int, body: bytes) -> None:
    assert judge(status, body) == Refused(status, None)


@pytest.mark.parametrize(("status", "reason"), [(408, "timeout"), (302, "unreadable_answer")])
def test_what_somebody_in_between_says_proves_nothing(status: int, reason: str) -> None:
    assert judge(status, b"") == Unknown(reason)


def test_a_receipt_is_done_by_success() -> None:
    assert judge_receipt(200, b'{"success":true}') == Accepted("")
    assert judge_receipt(200, b'{"success":false}') == Unknown("unreadable_answer")
    assert judge_receipt(503, b"") == Unknown("server_error")
