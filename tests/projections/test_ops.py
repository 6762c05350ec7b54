"""What an operator reads of the models."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from services.projections.ops import app
from tests.projections.running import models
from tests.support.stack import Postgres


async def test_a_model_is_shown_with_its_places_to_people_and_machines(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with models(postgres) as (_, pool):
        monkeypatch.setenv("PROJECTIONS_DATABASE_URL", str(pool.conninfo))
        said = await asyncio.to_thread(CliRunner().invoke, app, ["status"])
        told = await asyncio.to_thread(CliRunner().invoke, app, ["status", "--json"])
    first, header, place, *others = said.output.splitlines()
    assert first.startswith("model 1: live, following, since ")
    assert header.split() == ["partition", "epoch", "log", "id", "kafka", "offset"]
    assert place.split() == ["0", "1", "0", "0"]
    assert len(others) == 23
    (one,) = json.loads(told.output)
    assert (one["model"]["number"], one["model"]["live"], one["parked"]) == (1, True, 0)
    assert one["places"]["0"]["kafka_offset"] == 0
