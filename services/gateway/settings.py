"""Settings of the gateway, from the environment."""

from datetime import timedelta

from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`GATEWAY_*`."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    access_life: timedelta = timedelta(minutes=15)
    body_bytes: int = 262_144  # the longest text, escaped, is a fifth of it
    upload_bytes: int = 17 * 1024 * 1024  # of a file and the form around it
    logins_per_minute: int = 30  # for one login and address
    ring_changes: int = 10_000  # kept per account for Last-Event-ID
    queue_changes: int = 2_000  # waiting for one slow screen before it is cut
    counts_pause_seconds: float = 0.3
