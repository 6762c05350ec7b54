"""What was expected, and what was found? A ledger that ends at the first difference."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

CONSOLE: Final = Console(soft_wrap=True)
_SHOWN: Final = 20


class DifferenceError(Exception):
    """Something is not as the oracle says; the table was printed."""


class Ledger:
    """The rows of one check."""

    def __init__(self, title: str) -> None:
        self._table = Table("what", "expected", "found", "", title=title, title_justify="left")

    def note(self, what: str, found: object) -> None:
        """A figure that nothing is expected of."""
        self._table.add_row(what, "", str(found), "")

    def same(self, what: str, expected: object, found: object) -> None:
        """Both are equal; raises DifferenceError."""
        self._row(what, str(expected), str(found), well=expected == found)

    def at_most(self, what: str, most: int, found: int) -> None:
        """Not more than that; raises DifferenceError."""
        self._row(what, f"≤ {most}", str(found), well=found <= most)

    def at_least(self, what: str, least: int, found: int) -> None:
        """Not less than that; raises DifferenceError."""
        self._row(what, f"≥ {least}", str(found), well=found >= least)

    def clean(self, what: str, judged: int, differences: Sequence[str]) -> None:
        """Nothing differs, of so many that were judged; raises DifferenceError."""
        found = f"{judged - len(differences)}" if differences else str(judged)
        self._row(what, str(judged), found, well=not differences, told=differences)

    def print(self) -> None:
        """Show the table."""
        CONSOLE.print(self._table)

    def _row(
        self, what: str, expected: str, found: str, *, well: bool, told: Sequence[str] = ()
    ) -> None:
        self._table.add_row(what, expected, found, "[green]ok[/]" if well else "[red]DIFFERS[/]")
        if well:
            return
        self.print()
        for line in told[:_SHOWN]:
            CONSOLE.print(f"  {line}", markup=False, highlight=False)
        if len(told) > _SHOWN:
            CONSOLE.print(f"  … and {len(told) - _SHOWN} more")
        raise DifferenceError(what)
