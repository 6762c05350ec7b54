"""What does Meta do when nothing is wrong? The switches that `/control/behaviour` sets."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_Milliseconds = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Behaviour(BaseModel):
    """Each field may be given alone; the others keep their value."""

    model_config = ConfigDict(extra="forbid")

    webhook_version: Literal["v23", "v26"] = "v26"  # shape of statuses
    sent_ms: _Milliseconds = 50  # from acceptance to each status
    delivered_ms: _Milliseconds = 250
    read_ms: _Milliseconds = 1500
    failed_ms: _Milliseconds = 100
    read_share: _Share = 1  # some people switch receipts off
    window_async_share: _Share = 0.5  # of late texts: refused by status instead of at once
    window: bool = True
    pair_rate: bool = True
    throughput: bool = True
    messages_per_second: Annotated[float, Field(gt=0)] = 80  # per number, in and out
    batch_statuses: Annotated[int, Field(ge=1, le=1000)] = 50  # per POST, when they queue up
    retry_seconds: Annotated[list[_Milliseconds], Field(min_length=1)] = [
        0,
        0.2,
        0.5,
        1,
        2,
        5,
    ]
    timeout_seconds: Annotated[float, Field(gt=0)] = 10  # of one delivery
