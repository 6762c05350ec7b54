"""What may be sent to `/control`? The bodies, with defaults that make curl short."""

from datetime import datetime
from typing import Annotated, Self, TypeVar

import orjson
from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from deploy.simulator import contents
from deploy.simulator.choices import Choice
from deploy.simulator.json_values import Json, as_object

B = TypeVar("B", bound=BaseModel)


async def read_body(request: web.Request, model: type[B]) -> B:
    """The body as its model; an empty one has the defaults."""
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValueError as wrong:
        raise unprocessable(reason=str(wrong)) from wrong


def unprocessable(*, reason: str) -> web.HTTPUnprocessableEntity:
    """The answer to a body that makes no sense."""
    text = orjson.dumps({"error": reason}).decode()
    return web.HTTPUnprocessableEntity(text=text, content_type="application/json")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClockChange(_Body):
    """How far Meta's clock is ahead of the machine's."""

    offset_seconds: float = 0


class NewNumber(_Body):
    """One more business number; without account, that of the first."""

    phone_number_id: str
    display_phone: str
    waba_id: str | None = None


class Line(_Body):
    """One message of a customer: `{"text": "oi"}` is enough."""

    type: str | None = None  # default: text
    text: str | None = None  # of a text; of media the caption
    content: Json | None = None  # the keys of the type as Meta has them, when given
    context: Json | None = None  # {"id": wamid} and the like
    at: AwareDatetime | float | None = None  # default: now at Meta

    def kind(self) -> str:
        """The type of the message."""
        return self.type or "text"

    def moment(self) -> float | None:
        """`at` in seconds since 1970."""
        return self.at.timestamp() if isinstance(self.at, datetime) else self.at

    def keys(self, token: str) -> Json:
        """What stands beside id, sender and time."""
        context: Json = {"context": self.context} if self.context else {}
        return context | (self.content if self.content is not None else self._default(token))

    def _default(self, token: str) -> Json:
        kind = self.kind()
        if kind == "text":
            return contents.text("oi" if self.text is None else self.text)
        sample = contents.SAMPLES.get(kind)
        if sample is None:
            raise unprocessable(reason=f"type {kind} needs its content")
        keys = sample(token)
        file = as_object(keys.get(kind))
        if self.text is not None and kind in {"image", "video", "document"} and file:
            return {kind: {**file, "caption": self.text}}
        return keys


class Writing(Line):
    """What a customer writes: one line, or several `messages`."""

    phone_number_id: str | None = None  # default: the first number
    name: str | None = None  # of somebody new
    copies: Annotated[int, Field(ge=1, le=1000)] = 1  # of each post, side by side
    messages: list[Line] | None = None  # several at once: posts side by side, as an album
    together: bool = False  # several in one post instead

    def lines(self) -> list[Line]:
        """All the messages."""
        return list(self.messages) if self.messages is not None else [self]


class Tap(_Body):
    """Which button or row: by exactly one of `id`, `title` and `position` (from 1)."""

    id: str | None = None
    title: str | None = None
    position: Annotated[int, Field(ge=1)] | None = None
    wamid: str | None = None  # of the message tapped on; default: the newest with choices
    phone_number_id: str | None = None  # of the number that sent it; default: any
    copies: Annotated[int, Field(ge=1, le=1000)] = 1  # of the post, side by side

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if sum(each is not None for each in (self.id, self.title, self.position)) != 1:
            message = "exactly one of id, title and position"
            raise ValueError(message)
        return self

    def fits(self, position: int, choice: Choice) -> bool:
        """Whether this is the wanted one."""
        return self.id == choice.id or self.title == choice.title or self.position == position


class RawWebhook(_Body):
    """Bytes for the receiver: `raw`, or `body` (a whole envelope), or `value` of one change."""

    raw: str | None = None  # sent as it is, in UTF-8
    body: Json | None = None
    value: Json | None = None
    field: str = "messages"  # of the change around `value`
    waba_id: str | None = None
    signature: str = "valid"  # or none, or the header as given
    copies: Annotated[int, Field(ge=1, le=1000)] = 1
    parallel: bool = False
    retry: bool = False  # each copy again and again until it gets 200
