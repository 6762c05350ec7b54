"""Which series do the processes export, and with which labels? Read from the code."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from shared.plumbing.metrics import REGISTRY

ROOT: Final = Path(__file__).parents[2]
TARGET_LABELS: Final = frozenset({"service", "instance", "job"})  # on every series
_SUFFIXES: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


def exported() -> Mapping[str, frozenset[str]]:
    """Name of a series → its labels, without those of the target."""
    found = {"up": frozenset[str]()}  # Prometheus says it of every target
    for path in sorted(file for top in ("services", "shared") for file in _files(top)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found.update(_made_by(node))
    for family in REGISTRY.collect():
        if family.name.startswith("process_"):
            found.update((sample.name, frozenset(sample.labels)) for sample in family.samples)
    return found


def _files(top: str) -> Iterator[Path]:
    yield from (ROOT / top).rglob("*.py")


def _made_by(call: ast.Call) -> Iterator[tuple[str, frozenset[str]]]:
    kind = call.func.attr if isinstance(call.func, ast.Attribute) else _name(call.func)
    if kind not in _SUFFIXES or not (call.args and isinstance(call.args[0], ast.Constant)):
        return
    labels = {*(_strings(call.args[2]) if len(call.args) > 2 else ())}
    for keyword in call.keywords:
        if keyword.arg == "labels":
            labels.update(_strings(keyword.value))
    for suffix in _SUFFIXES[kind]:
        bounds = ("le",) if suffix == "_bucket" else ()
        yield f"guiche_{call.args[0].value}{suffix}", frozenset((*labels, *bounds))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _strings(node: ast.expr) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
