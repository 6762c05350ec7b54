"""Settings of projections, from the environment."""

from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`PROJECTIONS_*`."""

    model_config = SettingsConfigDict(env_prefix="PROJECTIONS_")

    batch_events: int = 500
    poll_milliseconds: int = 20
    wait_seconds: float = 2.0  # for a min_position, before 503
