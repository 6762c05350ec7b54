"""What flow does a definition make? The same, without the shorthand of the file."""

from collections.abc import Mapping
from typing import assert_never
from uuid import UUID

from services.bot.domain import flow as made
from services.bot.domain.definition import (
    AskPart,
    CasePart,
    ClosePart,
    ConditionPart,
    Definition,
    Edges,
    HandOffPart,
    MenuPart,
    MessagePart,
    NodePart,
    OptionPart,
    SetFieldPart,
    SetSectorPart,
    UnclaimedPart,
    WaitPart,
)
from services.bot.domain.folding import fold


def build(definition: Definition, sectors: Mapping[str, UUID]) -> made.Flow:
    """The flow; `sectors` are those of the account, by name."""
    limits = definition.limits
    return made.Flow(
        key=definition.key,
        name=definition.name,
        entry=definition.entry,
        nodes={id_: _node(id_, part) for id_, part in definition.nodes.items()},
        variables={
            name: made.Variable(
                name=name, max_length=part.max_length, type=part.type, label=part.label
            )
            for name, part in definition.variables.items()
        },
        defaults=definition.defaults,
        reserved={fold(word): action for word, action in definition.reserved.items()},
        old_taps=definition.old_taps.policy,
        old_tap_notice=definition.old_taps.notice,
        limits=made.Limits(
            steps_per_input=limits.steps_per_input,
            visits_per_node=limits.visits_per_node,
            outbound_without_inbound=limits.outbound_without_inbound,
            silent_timeouts=limits.silent_timeouts,
            session_seconds=limits.session,
        ),
        sectors=sectors,
    )


def sectors_in(definition: Definition) -> dict[str, str]:
    """The name of the sector of each node that has one, by the node."""
    return {
        id_: part.sector
        for id_, part in definition.nodes.items()
        if isinstance(part, SetSectorPart | HandOffPart) and part.sector is not None
    }


def _node(id_: str, part: NodePart) -> made.AnyNode:  # noqa: PLR0911  one case per kind
    match part:
        case MessagePart():
            return made.Message(
                id=id_, title=part.title, next=_edges(part.next, made.DONE), text=part.text
            )
        case MenuPart():
            return _menu(id_, part)
        case AskPart():
            return _ask(id_, part)
        case ConditionPart():
            return _condition(id_, part)
        case SetSectorPart():
            return made.SetSector(
                id=id_, title=part.title, next=_edges(part.next, made.DONE), sector=part.sector
            )
        case SetFieldPart():
            next_ = _edges(part.next, made.DONE)
            return made.SetField(
                id=id_, title=part.title, next=next_, name=part.name, value=part.value
            )
        case WaitPart():
            return _wait(id_, part)
        case HandOffPart():
            return _hand_off(id_, part)
        case ClosePart():
            next_ = _edges(part.next, made.REFUSED)
            return made.Close(id=id_, title=part.title, next=next_, farewell=part.farewell)
        case _:
            assert_never(part)


def _edges(edges: Edges, *main: str) -> dict[str, str]:
    return dict.fromkeys(main, edges) if isinstance(edges, str) else dict(edges)


def _menu(id_: str, part: MenuPart) -> made.Menu:
    ids = [option.id for option in part.options]
    chosen = {option.id: option.next for option in part.options if option.next is not None}
    return made.Menu(
        id=id_,
        title=part.title,
        next={**_edges(part.next, *ids), **chosen},
        text=part.text,
        invalid=tuple(part.invalid),
        attempts=part.attempts,
        timeout_seconds=part.timeout,
        reserved=part.reserved,
        save_as=part.save_as,
        options=tuple(_option(option) for option in part.options),
        button=part.button,
        footer=part.footer,
        as_text=part.as_text,
    )


def _option(part: OptionPart) -> made.Option:
    return made.Option(
        id=part.id,
        title=part.title,
        description=part.description,
        synonyms=tuple(part.synonyms),
    )


def _ask(id_: str, part: AskPart) -> made.Ask:
    main = (made.YES, made.NO) if part.kind == "yes_no" else (made.ANSWERED,)
    return made.Ask(
        id=id_,
        title=part.title,
        next=_edges(part.next, *main),
        text=part.text,
        invalid=tuple(part.invalid),
        attempts=part.attempts,
        timeout_seconds=part.timeout,
        reserved=part.reserved,
        save_as=part.save_as,
        kind=part.kind,
        pattern=part.pattern,
        minimum=part.minimum,
        maximum=part.maximum,
    )


def _hand_off(id_: str, part: HandOffPart) -> made.HandOff:
    return made.HandOff(
        id=id_,
        title=part.title,
        next=_edges(part.next, made.REFUSED),
        sector=part.sector,
        summary=part.summary,
        unclaimed=None if part.unclaimed is None else _unclaimed(part.unclaimed),
    )


def _unclaimed(part: UnclaimedPart) -> made.Unclaimed:
    return made.Unclaimed(
        after_seconds=part.after, then=part.then, text=part.text, reason_id=part.reason
    )


def _wait(id_: str, part: WaitPart) -> made.Wait:
    main = (made.ELAPSED, made.INTERRUPTED) if part.interruptible else (made.ELAPSED,)
    return made.Wait(
        id=id_,
        title=part.title,
        next=_edges(part.next, *main),
        seconds=part.duration,
        interruptible=part.interruptible,
    )


def _condition(id_: str, part: ConditionPart) -> made.Condition:
    names = [_output(case, number) for number, case in enumerate(part.cases, start=1)]
    named = list(zip(names, part.cases, strict=True))
    return made.Condition(
        id=id_,
        title=part.title,
        next={
            **{name: case.next for name, case in named},
            made.ELSE: part.else_,
            made.ERROR: part.error or part.else_,
        },
        cases=tuple(made.Case(output=name, when=case.when) for name, case in named),
    )


def _output(case: CasePart, number: int) -> str:
    return case.output or f"case_{number}"
