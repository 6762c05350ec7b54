"""What does a thing that the customer said do at the node that waits for it?"""

from services.bot.domain.answers import answer
from services.bot.domain.events import InputAccepted, InputRejected
from services.bot.domain.flow import (
    ANSWERED,
    CLOSE,
    HAND_OFF,
    INTERRUPTED,
    INVALID_EXHAUSTED,
    RESERVED,
    RESTART,
    Ask,
    Flow,
    Listening,
    Menu,
    Option,
    Wait,
)
from services.bot.domain.folding import fold
from services.bot.domain.inputs import Said
from services.bot.domain.menus import Tap, choose, read_tap
from services.bot.domain.rendering import cut
from services.bot.domain.turn import Turn, longest
from services.bot.domain.walking import go_to, prompt, walk


def take_queue(turn: Turn) -> None:
    """Hear what waits, one by one, as long as the session stands free at a node that listens."""
    while turn.session.queue and turn.session.free and _hears(turn):
        turn.heard = True
        _hear(turn, turn.session.queue[0])


def _hears(turn: Turn) -> bool:
    node = turn.node
    return isinstance(node, Listening) or (isinstance(node, Wait) and node.interruptible)


def _hear(turn: Turn, said: Said) -> None:
    node, flow = turn.node, turn.flow
    if node is None or flow is None:
        return
    word = fold(said.text or "")
    if said.tap is None and word in flow.reserved and getattr(node, "reserved", True):
        _accept(turn, said, f"{RESERVED}:{word}")
        _act(turn, flow, flow.reserved[word])
        return
    tap = read_tap(said.tap) if said.tap else None
    if tap is not None:
        _tapped(turn, flow, said, tap)
    elif isinstance(node, Menu):
        _chosen(turn, node, said, choose(node, said.text or ""))
    elif isinstance(node, Ask):
        _answered(turn, node, said)
    else:
        _accept(turn, said, INTERRUPTED)
        walk(turn, INTERRUPTED)


def _act(turn: Turn, flow: Flow, action: str) -> None:
    if action == HAND_OFF:
        turn.hand_off("customer_asked", resort="flow")
    elif action == CLOSE:
        turn.close(farewell=True)
    else:
        go_to(turn, flow.entry if action == RESTART else action, RESERVED)


def _tapped(turn: Turn, flow: Flow, said: Said, tap: Tap) -> None:
    """A tap on the menu that waits chooses; one on an older menu goes by the flow's policy."""
    session = turn.session
    ours = tap.session_id == session.id
    old = flow.nodes.get((session.menus or {}).get(tap.step, "")) if ours else None
    option = _option(old, tap.option)
    if ours and tap.step == session.step and isinstance(turn.node, Menu):
        _chosen(turn, turn.node, said, option)
    elif isinstance(old, Menu) and option and flow.old_taps == "honour_if_same_version":
        _chosen(turn, old, said, option)
    elif isinstance(old, Menu) and flow.old_taps == "restart_here":
        _accept(turn, said, "old_menu")
        go_to(turn, old.id, "old_menu")
    else:
        _reject(turn, said, "old_menu", session.attempt)
        prompt_notice(turn, flow)


def prompt_notice(turn: Turn, flow: Flow) -> None:
    """Say that the tap was on an old menu, with the options of the one that waits."""
    prompt(turn, flow.old_tap_notice)


def _option(node: object, id_: str) -> Option | None:
    if not isinstance(node, Menu):
        return None
    return next((option for option in node.options if option.id == id_), None)


def _chosen(turn: Turn, menu: Menu, said: Said, option: Option | None) -> None:
    if option is None:
        _try_again(turn, menu, said, "unmatched")
        return
    _accept(turn, said, option.id, node=menu, value=option.title)
    walk(turn, option.id)


def _answered(turn: Turn, ask: Ask, said: Said) -> None:
    value = answer(ask, said.text or "", turn.reading)
    if value is None:
        _try_again(turn, ask, said, "invalid")
        return
    output = value if ask.kind == "yes_no" else ANSWERED
    _accept(turn, said, output, node=ask, value=value)
    walk(turn, output)


def _try_again(turn: Turn, node: Listening, said: Said, reason: str) -> None:
    attempt = turn.session.attempt + 1
    _reject(turn, said, reason, attempt)
    if attempt >= node.attempts:
        walk(turn, INVALID_EXHAUSTED)
    else:
        prompt(turn, node.invalid[min(attempt, len(node.invalid)) - 1])


def _accept(
    turn: Turn, said: Said, output: str, *, node: Listening | None = None, value: str | None = None
) -> None:
    variable = None if node is None else node.save_as
    if variable is not None and value is not None:
        value = cut(value, longest(turn.flow).get(variable, len(value)))
    turn.tell(
        InputAccepted(
            at=turn.at,
            node=turn.session.node or "" if node is None else node.id,
            message_id=said.message_id,
            output=output,
            variable=variable,
            value=None if variable is None else value,
        )
    )


def _reject(turn: Turn, said: Said, reason: str, attempt: int) -> None:
    turn.tell(
        InputRejected(
            at=turn.at,
            node=turn.session.node or "",
            message_id=said.message_id,
            reason=reason,
            attempt=attempt,
        )
    )
