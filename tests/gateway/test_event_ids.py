"""A screen goes on where it was, with the rights that it had; with others it loads again."""

from uuid import UUID

from services.gateway.domain.event_ids import mark_of, marked, resumed
from shared.contracts.internal_api import Scope

ANA, VENDAS, SUPORTE = UUID(int=1), UUID(int=2), UUID(int=3)
SCOPE = Scope(agent_id=ANA, sector_ids=[VENDAS, SUPORTE], sees_phones=True)


def test_the_same_sight_goes_on_after_the_event() -> None:
    told = marked("3-17", mark_of(SCOPE))
    assert resumed(told, mark_of(SCOPE.model_copy())) == "3-17"
    assert resumed(None, mark_of(SCOPE)) is None
    assert resumed("", mark_of(SCOPE)) is None


def test_who_lost_a_sector_or_a_role_meanwhile_goes_on_nowhere() -> None:
    told = marked("3-17", mark_of(SCOPE))
    for now in (
        SCOPE.model_copy(update={"sector_ids": [VENDAS]}),
        SCOPE.model_copy(update={"sector_ids": None}),
        SCOPE.model_copy(update={"sees_phones": False}),
    ):
        assert resumed(told, mark_of(now)) == "?"


def test_an_id_that_is_none_of_ours_goes_on_nowhere() -> None:
    for strange in ("3-17", "~", "x", marked("", mark_of(SCOPE))):
        assert resumed(strange, mark_of(SCOPE)) == "?"
