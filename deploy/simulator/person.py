"""Who is a customer, and by which names does Meta know them (Cloud API 7)?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A customer; the phone or the user id may be missing, never both."""

    name: str
    phone: str | None = None  # digits, as WhatsApp has them: old Brazilian ones lack the ninth
    user_id: str | None = None  # BSUID, for example BR.8f21
    username: str | None = None  # with the leading @

    @property
    def key(self) -> str:
        """The name under which the simulator keeps them: the phone, else the user id."""
        return self.phone or self.user_id or ""


def is_user_id(text: str) -> bool:
    """Whether this is a BSUID: a country, a point, and more."""
    country, point, rest = text.partition(".")
    return bool(point and rest) and len(country) == 2 and country.isupper()  # noqa: PLR2004


def digits_of(text: str) -> str:
    """A phone number without plus sign, blanks and dashes."""
    return "".join(character for character in text if character.isdigit())


def spellings(phone: str) -> tuple[str, ...]:
    """The same Brazilian mobile with and without the ninth digit; the given spelling first."""
    if phone.startswith("55") and len(phone) == 12 and phone[4] in "6789":  # noqa: PLR2004
        return phone, phone[:4] + "9" + phone[4:]
    if phone.startswith("55") and len(phone) == 13 and phone[4] == "9":  # noqa: PLR2004
        return phone, phone[:4] + phone[5:]
    return (phone,)


class People:
    """Everybody who ever wrote or was written to."""

    def __init__(self) -> None:
        self._by_name: dict[str, Person] = {}

    def add(self, person: Person) -> Person:
        """Remember a person under each of their names."""
        for name in (person.phone, person.user_id):
            if name:
                self._by_name[name] = person
        return person

    def find(self, name: str) -> Person | None:
        """By user id, or by phone in either spelling."""
        if is_user_id(name):
            return self._by_name.get(name)
        found = (self._by_name.get(spelling) for spelling in spellings(digits_of(name)))
        return next((person for person in found if person), None)

    def meet(self, name: str, called: str | None = None) -> Person:
        """Find, or make the acquaintance of, whoever has this phone or user id."""
        known = self.find(name)
        if known:
            return known
        title = called or f"Cliente {name[-4:]}"
        if is_user_id(name):
            return self.add(Person(name=title, user_id=name))
        digits = digits_of(name)
        return self.add(Person(name=title, phone=digits, user_id=f"BR.{digits[::-1]}"))

    def clear(self) -> None:
        """Forget everybody."""
        self._by_name.clear()
