"""Settings of the bot, from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class Settings(CommonSettings):
    """`BOT_*`, and what all services share."""

    model_config = SettingsConfigDict(env_prefix="BOT_")

    flows_dir: Path = Path(__file__).parent / "flows"
    timer_seconds: float = 0.5  # between two looks for what is due
    publish_seconds: float = 30.0  # between two looks at the files, when directory says nothing
    keep_ended_days: float = Field(default=90.0, ge=1.0)  # sessions, after their end
