"""How is a look shown? A table that refreshes on a terminal, a plain line elsewhere."""

from collections.abc import Mapping

from rich.table import Table

from deploy.local.summary import WATCHED_TOPICS, Look

_TITLES = {
    "inbound.events": "received/s",
    "tickets.events": "events/s",
    "outbound.commands": "to send/s",
}


def table(look: Look, restarts: Mapping[str, int]) -> Table:
    """Four lines that say how the system does."""
    grid = Table(show_header=False, box=None, padding=(0, 2))
    grid.add_row("[bold]tickets", _pairs(look.tickets) or "-")
    grid.add_row("[bold]messages", _rates(look))
    grid.add_row("[bold]lag", _lag_lines(look.lags))
    grid.add_row("[bold]restarts", _pairs({k: v for k, v in restarts.items() if v}) or "none")
    if look.waiting:
        waits = "; ".join(f"{name} waits for {what}" for name, what in look.waiting.items())
        grid.add_row("[bold yellow]waiting", waits)
    return grid


def line(look: Look, restarts: Mapping[str, int]) -> str:
    """The same on one line."""
    worst = max(look.lags.items(), key=lambda item: item[1], default=("", 0.0))
    waiting = f" | waiting: {' '.join(look.waiting)}" if look.waiting else ""
    return (
        f"tickets {_pairs(look.tickets) or '-'} | {_rates(look)} | "
        f"lag {worst[1]:.1f} s {worst[0]} | restarts {sum(restarts.values())}{waiting}"
    )


def _rates(look: Look) -> str:
    return "  ".join(
        f"{_TITLES[topic]} {look.per_second.get(topic, 0.0):.1f}" for topic in WATCHED_TOPICS
    )


def _lag_lines(lags: Mapping[str, float]) -> str:
    return "\n".join(f"{name} {seconds:.1f} s" for name, seconds in sorted(lags.items())) or "-"


def _pairs(numbers: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {number}" for name, number in numbers.items())
