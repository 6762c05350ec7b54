"""What ingest reads from its environment."""

from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`INGEST_*`, and what all services share."""

    model_config = SettingsConfigDict(env_prefix="INGEST_")

    publish_deadline_seconds: float = 2.0  # Meta gives up after 5 to 10 s, and wants 1
    posts_at_once: int = 128  # waiting for Kafka; more are told to come again
    secrets_interval_seconds: float = 60.0
    backlog_interval_seconds: float = 30.0
