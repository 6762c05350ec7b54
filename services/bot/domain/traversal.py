"""How a session goes from node to node until one waits; with guards against loops."""

from datetime import datetime, timedelta

from services.bot.domain.flow import Flow
from services.bot.domain.session import Session
from services.bot.domain.step_context import StepContext


def leave(flow: Flow, context: StepContext, output: str) -> None:
    """Leave the active node by this output."""
    found = flow.target(context.session.node, output)
    if found:
        enter(flow, context, found, output)
    else:
        context.hand_off("error")


def leave_refused(flow: Flow, context: StepContext, code: str) -> None:
    """Leave the active node because a command of it was refused."""
    found = flow.target_of_refusal(context.session.node, code)
    if found:
        enter(flow, context, found[1], found[0])
    else:
        context.hand_off("error", resort="last")


def enter(flow: Flow, context: StepContext, node: str, by_output: str | None) -> None:
    """Enter a node, and those behind it, until one waits or a guard stops the session."""
    at: str | None = node
    output = by_output
    while at is not None:
        guard = _guard(flow, context.session, at)
        if guard is not None:
            context.stop_loop(guard, at)
            return
        context.enter(at, output)
        output = flow.nodes[at].enter(context)
        if output is None:
            return
        at = flow.target(at, output)
    context.hand_off("error")


def rest(flow: Flow, context: StepContext) -> None:
    """End the step: answer the customer's silence timer, arm the timer of the active node."""
    context.keep_session()
    if context.session.free and context.session.timer is None:
        due = _due(flow, context.session, context.at)
        if due is not None:
            context.arm_timer(due)


def _guard(flow: Flow, session: Session, node: str) -> str | None:
    if session.walked >= flow.limits.steps_per_input:
        return "steps"
    if (session.visits or {}).get(node, 0) >= flow.limits.visits_per_node:
        return "visits"
    return None


def _due(flow: Flow, session: Session, now: datetime) -> datetime | None:
    """When the node's time, or the session's, is over."""
    node, ends = flow.node(session.node), session.expires_at
    if node is None or node.patience is None:
        return ends
    if node.KEEPS_DEADLINE and session.deadline is not None:
        return session.deadline
    due = now + timedelta(seconds=node.patience)
    return due if ends is None else min(due, ends)
