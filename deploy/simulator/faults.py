"""What goes wrong on purpose? The faults that `/control/faults` sets (Cloud API 16)."""

from enum import StrEnum
from random import Random
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Kind(StrEnum):
    """What may go wrong with a Graph call, with a status, with a webhook, with a file."""

    REFUSE = "refuse"
    ERROR_5XX_BEFORE_ACCEPT = "error_5xx_before_accept"
    HTML_502 = "html_502"
    CUT_BEFORE_ACCEPT = "cut_before_accept"
    WINDOW_ERROR = "window_error"
    SLOW = "slow"
    ERROR_5XX_AFTER_ACCEPT = "error_5xx_after_accept"
    CUT_AFTER_ACCEPT = "cut_after_accept"
    CUT_BODY_OF_2XX = "cut_body_of_2xx"
    HALF_CLOSE = "half_close"
    STATUS_BEFORE_ANSWER = "status_before_answer"
    STATUS_NONE = "status_none"
    STATUS_DUPLICATE = "status_duplicate"
    STATUS_REORDER = "status_reorder"
    STATUS_SKIP_DELIVERED = "status_skip_delivered"
    STATUS_LATE = "status_late"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_REORDER = "webhook_reorder"
    UPLOAD_REFUSE = "upload_refuse"
    MEDIA_GONE = "media_gone"
    MEDIA_URL_EXPIRED = "media_url_expired"
    MEDIA_CORRUPT = "media_corrupt"


class Fault(BaseModel):
    """One thing that goes wrong: always, with a rate, or the next N times."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    rate: Annotated[float, Field(ge=0, le=1)] = 1
    next: Annotated[int, Field(ge=1)] | None = None  # counts down to 0, then the fault is over
    phone_number_id: str | None = None  # none: every number
    code: int | None = None  # refuse: 131000 and the like; 5xx: 131000 (500) or 2 (503)
    ms: Annotated[float, Field(ge=0)] | None = None  # slow, status_late, webhook_reorder
    when: Literal["sync", "async"] | None = None  # window_error
    accept: bool = False  # html_502: whether the message is truly accepted

    @model_validator(mode="after")
    def _refusal_has_a_code(self) -> Self:
        if self.kind is Kind.REFUSE and self.code is None:
            message = "refuse needs a code"
            raise ValueError(message)
        return self


class Faults:
    """Those that are set, in the order in which they came."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._set: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._set.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._set.clear()

    def all(self) -> tuple[Fault, ...]:
        """Those that are still set."""
        return tuple(self._set)

    def draw(self, kind: Kind, number: str) -> Fault | None:
        """Whether this goes wrong now; a fault that counts has then one turn less."""
        for fault in self._set:
            if fault.kind is kind and fault.phone_number_id in {None, number}:
                if self._chance.random() >= fault.rate:
                    continue
                self._count(fault)
                return fault
        return None

    def _count(self, fault: Fault) -> None:
        if fault.next is not None:
            fault.next -= 1
            if not fault.next:
                self._set.remove(fault)
