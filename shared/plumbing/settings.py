"""Settings that every service reads, and their environment variables."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


Urls = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class CommonSettings(BaseSettings):
    """What all services share; a subclass sets `env_prefix="<SERVICE>_"` for the fields of its own.

    `host`, `port`, `instance` and `database_url` belong to the service and take that prefix.
    """

    model_config = SettingsConfigDict(validate_by_name=True, validate_by_alias=True, extra="ignore")

    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS"
    )
    kafka_prefix: str = Field(default="", validation_alias="KAFKA_PREFIX")
    keys_dir: Path = Field(default=Path(".run/keys"), validation_alias="GUICHE_KEYS_DIR")
    traces: str = Field(  # where spans go; empty: off
        default="", pattern=r"^(|file:.+|https?://.+)$", validation_alias="GUICHE_TRACES"
    )
    traces_ratio: float = Field(default=0.01, ge=0, le=1, validation_alias="GUICHE_TRACES_RATIO")
    directory_urls: Urls = Field(default=(), validation_alias="DIRECTORY_URLS")
    tickets_urls: Urls = Field(default=(), validation_alias="TICKETS_URLS")
    projections_urls: Urls = Field(default=(), validation_alias="PROJECTIONS_URLS")
    outbound_urls: Urls = Field(default=(), validation_alias="OUTBOUND_URLS")
    bot_urls: Urls = Field(default=(), validation_alias="BOT_URLS")

    host: str = "127.0.0.1"
    port: int = 0
    instance: str = "local"
    database_url: str = ""

    def topic(self, name: str) -> str:
        """The topic of the registry as this installation calls it."""
        return self.kafka_prefix + name

    def group(self, service: str) -> str:
        """The consumer group of a service as this installation calls it."""
        return self.kafka_prefix + service
