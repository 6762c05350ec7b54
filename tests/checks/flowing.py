"""What does a customer do in the reception flow, and what must they see? An oracle by hand.

Knows the flow only by its file's texts: no code of the bot is asked.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

import services.bot

FLOW: Final = Path(services.bot.__file__).parent / "flows" / "recepcao.yaml"
OLD_MENU: Final = "Essa opção era de uma mensagem anterior. Responda à última pergunta, por favor."
_ATTEMPTS: Final = 3
_NONSENSE: Final = ("Tem desconto à vista?", "9", "???", "queria falar sobre o pedido", "0")
_SUBJECTS: Final = ("Segunda via do boleto", "Meu pedido não chegou", "Quanto custa o plano?")

Kind = Literal["text", "tap", "old_tap", "burst"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a customer does, and the texts that they see because of it."""

    kind: Kind
    said: tuple[str, ...]
    sees: tuple[str, ...]


@dataclass(slots=True)
class Visit:
    """A whole conversation, and where it ends."""

    phone: str
    name: str
    acts: list[Act] = field(default_factory=list[Act])
    path: list[str] = field(default_factory=list[str])  # nodes, in order
    sector: str = "Vendas"  # the connection's, while none was chosen
    silent: bool = False  # says no more, and is handed over after the time-out

    @property
    def sees(self) -> list[str]:
        """Every text, in order."""
        return [text for act in self.acts for text in act.sees]


class Writer:
    """Writes visits by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  to be repeated
        flow: Mapping[str, Any] = yaml.safe_load(FLOW.read_text())
        self._nodes: Mapping[str, Any] = flow["nodes"]
        self._for_a_person: str = flow["reserved"]["atendente"]

    def visits(self, count: int) -> list[Visit]:
        """So many customers with phones of their own."""
        return [self._visit(number) for number in range(count)]

    def _visit(self, number: int) -> Visit:
        visit = Visit(f"55119{61000000 + number}", f"Cliente {number}")
        menu = self._nodes["escolher_setor"]
        hello = self._text("boas_vindas").replace("{nome|tudo bem}", visit.name)
        sees, said = [hello.replace("{protocolo}", "P"), menu["text"]], ["oi"]
        wrong = self._chance.choice((0, 0, 0, 1, 2, _ATTEMPTS))
        visit.path = ["boas_vindas", "escolher_setor"]
        if wrong and self._chance.random() < 0.5:
            said, wrong = ["oi", self._chance.choice(_NONSENSE)], wrong - 1
            sees.append(menu["invalid"][0])
        done = len(said) - 1
        visit.acts.append(Act("burst" if done else "text", tuple(said), tuple(sees)))
        for attempt in range(done, done + wrong):
            text = menu["invalid"][attempt] if attempt < _ATTEMPTS - 1 else None
            nonsense = self._chance.choice(_NONSENSE)
            visit.acts.append(Act("text", (nonsense,), (text,) if text else ()))
        if done + wrong == _ATTEMPTS:
            visit.path.append("sem_resposta")
        else:
            self._at_the_menu(visit, menu["options"])
        return visit

    def _at_the_menu(self, visit: Visit, options: Sequence[Mapping[str, Any]]) -> None:
        fate = self._chance.random()
        if fate < 0.08:
            visit.acts.append(Act("text", (self._chance.choice(("atendente", "ATENDENTE")),), ()))
            visit.path.append(self._for_a_person)
            return
        if fate < 0.14:
            visit.silent = True
            visit.path.append("sem_resposta")
            return
        number = self._chance.randrange(len(options))
        option = options[number]
        visit.sector = option["title"]
        asked = self._text("assunto").replace("{setor}", option["title"])
        visit.acts.append(self._choice(number, option, asked))
        visit.path += [option["next"], "assunto"]
        if self._chance.random() < 0.2:
            other = options[(number + 1) % len(options)]["title"]
            visit.acts.append(Act("old_tap", (other,), (OLD_MENU,)))
        self._at_the_question(visit)

    def _at_the_question(self, visit: Visit) -> None:
        if self._chance.random() < 0.1:
            visit.acts.append(Act("text", ("Atendente",), ()))
            visit.path.append(self._for_a_person)
            return
        subject = self._chance.choice(_SUBJECTS)
        visit.acts.append(Act("text", (subject,), (self._text("ate_logo"),)))
        visit.path += ["ate_logo", "pessoa"]

    def _choice(self, number: int, option: Mapping[str, Any], sees: str) -> Act:
        title: str = option["title"]
        said = (title, str(number + 1), title.lower(), title[:4].upper(), option["synonyms"][0])
        way = self._chance.randrange(len(said))
        return Act("tap" if way == 0 else "text", (said[way],), (sees,))

    def _text(self, node: str) -> str:
        return self._nodes[node]["text"]
