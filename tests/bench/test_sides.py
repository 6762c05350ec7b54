"""Another commit runs its own rows, or else those of this checkout over its own code."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.__main__ import in_turns
from bench.sides import Side

ROW = "import code_under_test\nprint(f'row | 1 | {code_under_test.SPEED} | 1.00 | >= 1')\n"
LEFT = "print('row | 1 | 7 | 7.00 | >= 1')\n"
BROKEN = "raise SystemExit('the server closed the connection')\n"


def a_checkout(folder: Path, speed: int, rows: Mapping[str, str]) -> Path:
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "__init__.py").touch()
    (folder / "code_under_test.py").write_text(f"SPEED = {speed}\n")
    for name, text in rows.items():
        (folder / "bench" / f"{name}.py").write_text(text)
    return folder


@pytest.fixture
def sides(tmp_path: Path) -> list[Side]:
    """This checkout with speed 4, an older one with speed 2 that has a row of its own less."""
    new = a_checkout(tmp_path / "new", 4, {"both": ROW, "mended": ROW, "added": ROW, "bad": BROKEN})
    old = a_checkout(tmp_path / "old", 2, {"both": LEFT, "mended": BROKEN, "bad": BROKEN})
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "bench").symlink_to(new / "bench")
    python = Path(sys.executable)
    return [Side("new", new, python), Side("old", old, python, overlay)]


@pytest.mark.parametrize(
    ("row", "new", "old"),
    [("both", 4.0, 7.0), ("mended", 4.0, 2.0), ("added", 4.0, 2.0)],
)
def test_each_commit_runs_a_row_over_its_own_code(
    sides: list[Side], row: str, new: float, old: float
) -> None:
    ours, base = in_turns(f"bench.{row}", sides, {}, times=2)
    assert [ours["row"].ours, base["row"].ours] == [[new, new], [old, old]]


def test_a_row_that_fails_in_both_is_missing(
    sides: list[Side], capfd: pytest.CaptureFixture[str]
) -> None:
    assert in_turns("bench.bad", sides, {}, times=1) == [{}, {}]
    assert "the server closed the connection" in capfd.readouterr().err
