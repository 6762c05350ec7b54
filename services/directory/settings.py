"""Settings of directory, from the environment."""

from datetime import timedelta
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`DIRECTORY_*`; `seed` is a YAML file that is applied at each start."""

    model_config = SettingsConfigDict(env_prefix="DIRECTORY_")

    seed: Path | None = None
    refresh_life: timedelta = timedelta(days=14)
