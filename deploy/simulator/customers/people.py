"""Who are the scripted customers? Brazilian names and phones, made from a seed."""

from random import Random
from typing import Final

from deploy.simulator.chance import seeded
from deploy.simulator.person import Person

_FIRST: Final = (
    "Ana Beatriz",
    "João Pedro",
    "Maria Eduarda",
    "José Carlos",
    "Luíza",
    "Antônio",
    "Francisca",
    "Márcio",
    "Conceição",
    "Thiago",
    "Letícia",
    "Vinícius",
    "Simone",
    "Cauã",
    "Inês",
    "Sebastião",
    "Débora",
    "Jéssica",
    "Raimundo",
    "Patrícia",
    "Otávio",
    "Rosângela",
    "Caio",
    "Fátima",
    "Mônica",
    "Élcio",
    "Núbia",
    "Tainá",
    "Zuleica",
    "Davi",
)
_LAST: Final = (
    "da Silva",
    "Souza",
    "de Oliveira",
    "Gonçalves",
    "Araújo",
    "Conceição",
    "Magalhães",
    "Brandão",
    "Falcão",
    "Sant'Anna",
    "Assunção",
    "Ribeiro",
    "Carvalho",
    "Mendonça",
    "Guimarães",
    "Teixeira",
    "dos Santos",
    "Nogueira",
    "Paixão",
    "Leão",
)
_AREAS: Final = ("11", "19", "21", "31", "41", "51", "61", "71", "81", "85", "92")


def crowd(seed: object, count: int, run: str = "") -> tuple[Person, ...]:
    """`count` different people; another `run` gives the same names with other phones."""
    return tuple(_person(seeded(seed, run, "person", index), index) for index in range(count))


def _person(chance: Random, index: int) -> Person:
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    phone = _phone(chance, index)
    user_id = f"BR.{chance.randrange(10**9, 10**10)}{index:05d}"
    kind = chance.random()
    if kind < 0.1:  # noqa: PLR2004 - the phone is withheld: user id and user name only
        return Person(name, None, user_id, f"@cliente{index}")
    if kind < 0.2:  # noqa: PLR2004 - met before user ids existed
        return Person(name, phone, None)
    return Person(name, phone, user_id)


def _phone(chance: Random, index: int) -> str:
    area = chance.choice(_AREAS)
    local = f"{chance.choice('6789')}{chance.randrange(100):02d}{index:05d}"
    # Old accounts are known to WhatsApp without the ninth digit.
    return f"55{area}{local}" if chance.random() < 0.15 else f"55{area}9{local}"  # noqa: PLR2004
