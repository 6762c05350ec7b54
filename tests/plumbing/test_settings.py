"""Settings come from the environment, the service's own under its prefix."""

import pytest
from pydantic_settings import SettingsConfigDict

from shared.plumbing.settings import CommonSettings


class TicketsSettings(CommonSettings):
    """As a service declares them."""

    model_config = SettingsConfigDict(env_prefix="TICKETS_")

    snapshot_events: int = 200


def test_common_settings_have_their_names_and_own_ones_the_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "k:1")
    monkeypatch.setenv("KAFKA_PREFIX", "t1.")
    monkeypatch.setenv("TICKETS_URLS", "http://a:1, http://b:2/")
    monkeypatch.setenv("TICKETS_INSTANCE", "tickets-2")
    monkeypatch.setenv("TICKETS_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("TICKETS_PORT", "8101")
    monkeypatch.setenv("TICKETS_SNAPSHOT_EVENTS", "50")
    settings = TicketsSettings()
    assert settings.kafka_bootstrap_servers == "k:1"
    assert settings.tickets_urls == ("http://a:1", "http://b:2")
    assert (settings.instance, settings.port, settings.snapshot_events) == ("tickets-2", 8101, 50)
    assert settings.database_url == "postgresql://x"
    assert settings.topic("tickets.events") == "t1.tickets.events"
    assert settings.group("projections") == "t1.projections"


def test_settings_can_be_given_by_name() -> None:
    assert CommonSettings(kafka_prefix="x.", tickets_urls=("http://a",)).kafka_prefix == "x."
