"""What tickets reads from its environment."""

from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`TICKETS_*`, and what all services share."""

    model_config = SettingsConfigDict(env_prefix="TICKETS_")

    secrets_interval_seconds: float = 60.0
    relay_lease_seconds: float = 10.0
    relay_poll_seconds: float = 0.025  # other processes append too, and nothing announces that
    outcomes_interval_seconds: float = 60.0
    bot_silence_seconds: float = 60.0  # then people go on (protocols.md 8)
    timers_poll_seconds: float = 1.0
    timers_lease_seconds: float = 30.0
    warm_streams: int = 20_000  # kept in memory, about 2 KB each
