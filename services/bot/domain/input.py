"""What the customer says: reserved words, taps on menus, then the node that waits for it."""

from services.bot.domain.flow import Flow
from services.bot.domain.flow_settings import CLOSE, HAND_OFF, RESTART
from services.bot.domain.inputs import Said
from services.bot.domain.nodes.base import RESERVED, Node
from services.bot.domain.step_context import Heard, StepContext
from services.bot.domain.taps import Tap, read_tap
from services.bot.domain.traversal import enter, leave
from shared.contracts.text_folding import folded


def take_queue(flow: Flow, context: StepContext) -> None:
    """Hear what waits, one by one, as long as the session stands free at a node that hears."""
    while context.session.queue and context.session.free:
        node = flow.node(context.session.node)
        if node is None or not node.hears:
            return
        _hear(flow, context, node, context.session.queue[0])


def _hear(flow: Flow, context: StepContext, node: Node, said: Said) -> None:
    word = folded(said.text or "")
    action = flow.actions().get(word) if said.tap is None and node.hears_reserved_words else None
    heard = Heard(said, context.session.node or "")
    if action is not None:
        context.accept(heard, f"{RESERVED}:{word}")
        _act(flow, context, action)
        return
    tap = None if said.tap is None else read_tap(said.tap)
    output = node.hear(context, heard) if tap is None else _tapped(flow, context, said, tap)
    if output is not None:
        leave(flow, context, output)


def _act(flow: Flow, context: StepContext, action: str) -> None:
    if action == HAND_OFF:
        context.hand_off("customer_asked", resort="flow")
    elif action == CLOSE:
        context.close(farewell=True)
    else:
        enter(flow, context, flow.entry if action == RESTART else action, RESERVED)


def _tapped(flow: Flow, context: StepContext, said: Said, tap: Tap) -> str | None:
    """A tap on the menu that waits chooses; one on an earlier menu goes by the flow's policy."""
    session, policy = context.session, flow.old_taps.policy
    shown = (session.menus or {}).get(tap.step) if tap.session_id == session.id else None
    menu = flow.node(shown)
    if shown is not None and menu is not None and menu.option_ids():
        heard = Heard(said, shown, tap.option)
        if tap.step == session.step:
            return menu.hear(context, heard)
        if policy == "honour_if_same_version" and tap.option in menu.option_ids():
            return menu.hear(context, heard)
        if policy == "restart_here":
            context.accept(Heard(said, session.node or ""), "old_menu")
            enter(flow, context, shown, "old_menu")
            return None
    _notice(flow, context, said)
    return None


def _notice(flow: Flow, context: StepContext, said: Said) -> None:
    """Say that the tap was on an old menu, with the options of the one that waits."""
    context.reject(said, "old_menu", context.session.attempt)
    node = flow.node(context.session.node)
    if node is not None:
        node.prompt(context, flow.old_taps.notice)
