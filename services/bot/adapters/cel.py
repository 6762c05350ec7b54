"""Evaluates the conditions of flows: CEL, in Google's C++ runtime, imported here only.

Accounts write conditions, so none may hold the process up or fill its memory. The runtime's own
budget counts iterations, not what one of them costs or lets grow: twenty characters that double a
text are one. So there are no macros, hence no loops, and no patterns, which may have thousands of
states: an evaluation costs at most the length of the expression times that of the values.
Functions of ours are not declared either: the runtime does not free what it passes to Python. What
Python knows, it gives as a variable.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from math import isfinite
from typing import Final

from cel_expr_python import cel

from services.bot.domain.answers import NO, YES
from services.bot.domain.evaluators import LONGEST_CONDITION, Types, VariableType
from shared.contracts.text_folding import folded

_TYPES: Final[Mapping[VariableType, cel.Type]] = {
    "text": cel.Type.STRING,
    "number": cel.Type.DOUBLE,
    "date": cel.Type.TIMESTAMP,
    "yes_no": cel.Type.BOOL,
}
_SAMPLE: Final[Mapping[VariableType, str]] = {
    "text": "texto",
    "number": "1",
    "date": "2026-01-31",
    "yes_no": YES,
}
_CONFIG: Final = "stdlib: {disable_macros: true, exclude_functions: [{name: matches}]}"
_WORD: Final = re.compile(r"\w+")
_FAULT: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")


def condition_fault(expression: str, types: Types) -> str | None:
    """Why an expression is no condition over these variables; None: it is one."""
    if len(expression) > LONGEST_CONDITION:
        return f"has {len(expression)} characters, {LONGEST_CONDITION} at most"
    try:
        compiled, used = _compiled(expression, types)
        compiled.eval(data=_bound(used, {name: _SAMPLE[type_] for name, type_ in used}))
    except RuntimeError as error:  # the second refuses what is nested too deep
        return _readable(str(error))
    if compiled.return_type() != cel.Type.BOOL:
        return f"is of type {compiled.return_type().name().lower()}, not bool"
    return None


def condition_holds(expression: str, types: Types, values: Mapping[str, str]) -> bool | None:
    """Whether it holds; None when it cannot be told: a value is missing, or an index is out."""
    try:
        compiled, used = _compiled(expression, types)
        found = compiled.eval(data=_bound(used, values))
    except RuntimeError:
        return None
    return bool(found.value()) if found.type() == cel.Type.BOOL else None


@lru_cache(maxsize=4096)
def _compiled(expression: str, types: Types) -> tuple[cel.Expression, Types]:
    """With the variables it may look at. Immutable: it is shared, and kept while it is in use."""
    words = set(_WORD.findall(expression))
    used = tuple(variable for variable in types if variable[0] in words)
    return _environment(types).compile(expression), used


@lru_cache(maxsize=256)
def _environment(types: Types) -> cel.Env:
    declared: dict[str, cel.Type] = {}
    for name, type_ in types:
        declared[name] = _TYPES[type_]
        declared[f"known.{name}"] = cel.Type.BOOL
        if type_ == "text":
            declared[f"folded.{name}"] = cel.Type.STRING
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG), variables=declared)


def _bound(types: Types, values: Mapping[str, str]) -> dict[str, object]:
    """A text without a value is empty; another variable without one is not bound."""
    bound: dict[str, object] = {}
    for name, type_ in types:
        text = values.get(name, "")
        found = _READ[type_](text)
        bound[f"known.{name}"] = text != "" and found is not None
        if found is not None:
            bound[name] = found
        if type_ == "text":
            bound[f"folded.{name}"] = folded(text)
    return bound


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None


def _date(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


_READ: Final[Mapping[VariableType, Callable[[str], object]]] = {
    "text": str,
    "number": _number,
    "date": _date,
    "yes_no": {YES: True, NO: False}.get,
}


def _readable(error: str) -> str:
    found = _FAULT.findall(error)
    if not found:
        return error.strip()
    lines = [_placed(*each) for each in found]
    return "; ".join(dict.fromkeys(lines))


def _placed(line: str, column: str, message: str) -> str:
    said = message.removesuffix(" (in container '')")
    return said if line == "-1" else f"line {line}, column {column}: {said}"
