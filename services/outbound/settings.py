"""What outbound reads from its environment."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`OUTBOUND_*`, and what all services share."""

    model_config = SettingsConfigDict(env_prefix="OUTBOUND_")

    timeout_seconds: float = 10.0  # of one call to Meta
    in_flight: int = 512  # calls at once
    messages_per_second: float = 64.0  # per number: 80 % of Meta's 80 (Cloud API 12)
    window_margin_seconds: float = 30.0  # before its end a window counts as closed
    secrets_interval_seconds: float = 60.0
    # Of settled rows: Meta's statuses come for 7 days, and Kafka keeps a command for 3, after which
    # nothing would know it again.
    retention_days: float = Field(default=8.0, ge=4.0)
    poll_seconds: float = 0.25  # of the queue, when nothing wakes the sender
    # Where files are: a folder, or a URL that obstore understands (s3://, gs://, az://).
    media_url: str = Field(default=".run/media", validation_alias="GUICHE_MEDIA_URL")

    @property
    def window_margin(self) -> timedelta:
        return timedelta(seconds=self.window_margin_seconds)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)
