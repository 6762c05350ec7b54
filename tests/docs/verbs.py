"""Which verbs does `guiche` have? `docs/verbs.md`, and whether one that a page names exists."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NoReturn, cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

import services.__main__ as guiche
from tests.docs.contracts import ROOT

FILE: Final = ROOT / "docs" / "verbs.md"
_TOP: Final = """\
<!-- Written by `make docs` from `guiche` itself: do not edit. -->
# Verbs

`guiche VERB --help` says more. `guiche run` and `guiche reset` are for one machine; the others also
for a cluster, with the settings of the services in the environment. When to use which:
[operations.md](operations.md).

| verb | |
| --- | --- |
"""
_NAMED: Final = re.compile(r"`guiche ([^`]+)`")


class UnknownVerbError(ValueError):
    """A page names a verb or an option that `guiche` does not have."""


def text() -> str:
    """The whole page."""
    rows = [f"| `guiche {usage}` | {said} |" for usage, said in _verbs(tree(), ())]
    return _TOP + "\n".join(rows) + "\n"


@cache
def tree() -> TyperGroup:
    """All verbs."""
    if not guiche.app.registered_groups:
        guiche.gather()
    made = typer.main.get_command(guiche.app)
    assert isinstance(made, TyperGroup)
    return made


def named_in(page: str) -> list[str]:
    """What a page calls, without `guiche`; `…` stands for all verbs of a group."""
    return [usage.removesuffix(" …") for usage in _NAMED.findall(page)]


def check(usage: str) -> None:
    """Raises UnknownVerbError unless it is a verb, its options are its own, or a group of verbs."""
    command, words = _found(usage)
    known = {option for parameter in command.params for option in parameter.opts}
    takes_words = any(isinstance(parameter, TyperArgument) for parameter in command.params)
    options = {word for word in words if word.startswith("--")}
    if options - known - {"--help"} or (set(words) - options and not takes_words):
        raise UnknownVerbError(usage)


def _found(usage: str) -> tuple[TyperCommand | TyperGroup, list[str]]:
    command: TyperCommand | TyperGroup = tree()
    words = usage.split()
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        command = _inner(command).get(words.pop(0)) or _unknown(usage)
    return command, words


def _unknown(usage: str) -> NoReturn:
    raise UnknownVerbError(usage)


def _inner(group: TyperGroup) -> Mapping[str, TyperCommand | TyperGroup]:
    return cast("Mapping[str, TyperCommand | TyperGroup]", group.commands)


def _verbs(command: TyperCommand | TyperGroup, path: Sequence[str]) -> Iterator[tuple[str, str]]:
    if isinstance(command, TyperGroup):
        for name, inner in _inner(command).items():
            yield from _verbs(inner, (*path, name))
        return
    context = command.make_context(path[-1], [], resilient_parsing=True)
    names = (
        parameter.make_metavar(context).strip("[]{}")
        if isinstance(parameter, TyperArgument)
        else parameter.opts[0]
        for parameter in command.params
    )
    usage = [
        name if parameter.required else f"[{name}]"
        for name, parameter in zip(names, command.params, strict=True)
    ]
    yield " ".join((*path, *usage)), " ".join((command.help or "").split("\n\n")[0].split())
