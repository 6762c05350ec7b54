"""Printed rows are read again; runs become a median, a spread, and a comparison."""

from collections.abc import Sequence

import pytest

from bench.__main__ import alone, chosen, compared
from bench.harness import HEADER, Row
from bench.lines import Line, Series, lines_of, series_of

ROWS = [
    Row("webhooks/s, one process", 2613.25, 1830.5, 0.6),
    Row("webhook to screen, p50 ms at 50/s", 25.0, 17.25, 1.0, "<="),
    Row("messages lost", 1, 0, 0, "<="),
    Row("queries per event", 0.0000123, 1_234_567.0, 0.35, ratio=0.5),
]


def test_what_a_row_prints_is_what_is_read() -> None:
    printed = "\n".join([HEADER, "a warning", *(row.line() for row in ROWS)])
    found = lines_of(printed)
    assert [line.name for line in found] == [row.name for row in ROWS]
    assert [line.value for line in found] == pytest.approx([row.value for row in ROWS], rel=1e-4)
    assert [(line.sense, line.bar) for line in found] == [(row.sense, row.bar) for row in ROWS]


def a_series(*values: float, sense: str = ">=", bar: float = 1.0) -> Series:
    lines = [[Line("row", 1.0, value, value, sense, bar)] for value in values]
    return series_of(lines)["row"]


@pytest.mark.parametrize(
    ("values", "median", "spread"), [([1.0, 3.0, 2.0], 2.0, 100.0), ([5.0], 5.0, 0.0)]
)
def test_several_runs_are_a_median_and_a_spread(
    values: Sequence[float], median: float, spread: float
) -> None:
    series = a_series(*values)
    assert (series.value, series.spread) == (median, spread)


@pytest.mark.parametrize(
    ("sense", "ours", "base", "worse"),
    [(">=", 90.0, 100.0, 10.0), ("<=", 90.0, 100.0, -10.0), ("<=", 0.0, 0.0, 0.0)],
)
def test_worse_is_less_of_a_rate_and_more_of_a_cost(
    sense: str, ours: float, base: float, worse: float
) -> None:
    found = a_series(ours, sense=sense).worse_than(a_series(base, sense=sense))
    assert found == pytest.approx(worse)


def test_a_row_is_printed_alone_or_beside_another_commits() -> None:
    ours = a_series(0.5, 0.7, 0.6)
    assert alone(ours) == "row | 0.6 | 0.6 | 33 % | >= 1  MISSED"
    assert compared(ours, a_series(0.5)) == "row | 0.6 | 0.5 | -20 % | 33 %, 0 %"
    assert compared(ours, None) == "row | 0.6 | not in base | |"


def test_rows_are_chosen_by_words_and_an_unknown_word_is_refused() -> None:
    assert list(chosen("way, accept").values()) == ["bench.way", "bench.accept"]
    assert len(chosen("")) > 10
    with pytest.raises(SystemExit, match="no row has walk"):
        chosen("way,walk")
