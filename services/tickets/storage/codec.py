"""Encode and decode events, with their personal fields sealed.

State: lines `version`, `meta`, `data` and, when something is sealed, `seal`; all but the first are
JSON, which has no line breaks of its own. Personal fields never stand in `data`: each is its own
JSON, sealed for (stream, version, field) and named in `seal` beside the id of its key.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Protocol, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from services.tickets.storage.contract import Meta, StoreError, UnsealedFieldError
from shared.plumbing.sealing import Sealer

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""From the data of one version to that of the next."""

PERSONAL: Final = "personal"
_SEALED_LINES: Final = 4


class UnknownTopicError(StoreError):
    """A stored event's TOPIC is not in the catalogue."""

    code = "unknown_topic"


class EventClass(Protocol):
    """A frozen dataclass with a stable name; VERSION (1 when absent) counts its stored forms."""

    TOPIC: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Seal:
    """The sealed fields of one event, base64, beside the id of their key: the contact's id."""

    key: UUID
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class SealWith:
    """The key of the contact whose personal data an event holds."""

    contact: UUID
    sealer: Sealer


class _Form:
    """One event class: its adapters, made once."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.version: int = getattr(kind, "VERSION", 1)
        self.prefix = str(self.version).encode()
        self.personal = frozenset(_personal_fields(kind))

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.kind)

    @cached_property
    def parts(self) -> Mapping[str, TypeAdapter[Any]]:
        hints = get_type_hints(self.kind, include_extras=True)
        return {name: TypeAdapter(hints[name]) for name in sorted(self.personal)}


class Codec:
    """Encodes and decodes the events of a catalogue (TOPIC -> class)."""

    def __init__(
        self,
        events: Mapping[str, type],
        upcasters: Mapping[tuple[str, int], Upcast] | None = None,
    ) -> None:
        self._forms = {topic: _Form(kind) for topic, kind in events.items()}
        self._by_class = {form.kind: (topic, form) for topic, form in self._forms.items()}
        self._upcasters = upcasters or {}
        self._meta = TypeAdapter(Meta)
        self._seal = TypeAdapter(Seal)

    def meta(self, meta: Meta) -> bytes:
        """The meta line of a command, once for all of its events."""
        return self._meta.dump_json(meta)

    def encode(
        self, event: object, meta: bytes, stream: UUID, version: int, key: SealWith | None
    ) -> tuple[str, bytes]:
        """TOPIC and state of one event. Raises UnsealedFieldError, UnknownTopicError."""
        try:
            topic, form = self._by_class[type(event)]
        except KeyError:
            raise UnknownTopicError(type(event).__qualname__) from None
        if not form.personal:
            data = form.adapter.dump_json(event)
            return topic, b"%b\n%b\n%b" % (form.prefix, meta, data)
        data = form.adapter.dump_json(event, exclude=set(form.personal))
        seal = self._sealed(form, event, _place(stream, version), key)
        return topic, b"%b\n%b\n%b%b" % (form.prefix, meta, data, seal)

    def key_of(self, state: bytes) -> UUID | None:
        """The id of the key that opens this state; None when nothing in it is sealed."""
        lines = state.split(b"\n")
        return self._seal.validate_json(lines[3]).key if len(lines) == _SEALED_LINES else None

    def decode(
        self,
        topic: str,
        state: bytes,
        stream: UUID,
        version: int,
        sealers: Mapping[UUID, Sealer | None],
    ) -> tuple[object, Meta]:
        """Event and meta. `sealers` holds `key_of(state)`; None there gives tombstones."""
        form = self._forms.get(topic)
        if form is None:
            raise UnknownTopicError(topic)
        stored, meta, data, *seal = state.split(b"\n")
        if form.personal or seal:
            data = self._opened(form, data, seal, _place(stream, version), sealers)
        if stored != form.prefix:
            data = self._upcast(topic, int(stored), form, data)
        return form.adapter.validate_json(data), self._meta.validate_json(meta)

    def meta_of(self, state: bytes) -> Meta | None:
        """The meta line of a state whose rest may say nothing; None when it says nothing, too."""
        try:
            return self._meta.validate_json(state.split(b"\n")[1])
        except (IndexError, ValueError):
            return None

    def _sealed(self, form: _Form, event: object, place: bytes, key: SealWith | None) -> bytes:
        sealed: dict[str, str] = {}
        for name, adapter in form.parts.items():
            value = getattr(event, name)
            if value is None:
                continue
            if key is None:
                message = f"{form.kind.__qualname__}.{name}"
                raise UnsealedFieldError(message)
            raw = key.sealer.seal(adapter.dump_json(value), place + name.encode())
            sealed[name] = b64encode(raw).decode()
        if key is None or not sealed:
            return b""
        return b"\n" + self._seal.dump_json(Seal(key.contact, sealed))

    def _opened(
        self,
        form: _Form,
        data: bytes,
        seal: list[bytes],
        place: bytes,
        sealers: Mapping[UUID, Sealer | None],
    ) -> bytes:
        """The data with its personal fields; `null` is the tombstone of each."""
        values = dict.fromkeys(form.personal, b"null")
        if seal:
            line = self._seal.validate_json(seal[0])
            sealer = sealers[line.key]
            if sealer is not None:
                for name, text in line.fields.items():
                    values[name] = sealer.open(b64decode(text), place + name.encode())
        personal = b",".join(b'"%b":%b' % (name.encode(), v) for name, v in values.items())
        return b"{%b%b%b" % (personal, b"" if data == b"{}" else b",", data[1:])

    def _upcast(self, topic: str, stored: int, form: _Form, data: bytes) -> bytes:
        found: dict[str, Any] = from_json(data)
        for version in range(stored, form.version):
            found = self._upcasters[topic, version](found)
        return to_json(found)


def _personal_fields(kind: type) -> list[str]:
    hints = get_type_hints(kind, include_extras=True)
    return [field.name for field in fields(kind) if _is_personal(hints[field.name])]


def _is_personal(hint: object) -> bool:
    return get_origin(hint) is Annotated and PERSONAL in get_args(hint)[1:]


def _place(stream: UUID, version: int) -> bytes:
    return stream.bytes + version.to_bytes(8)
