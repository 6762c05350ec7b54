"""A service that still waits says for what, and refuses; the order of start does not matter."""

from uuid import uuid4

from services.tickets.settings import Settings
from shared.plumbing.http import Answer
from tests.support.waiting import until_true
from tests.tickets.adapters.serving import HEARD, announce, given_secrets, serve
from tests.wire.support import create_topics


class Directory:
    """directory's answer, which may be away."""

    def __init__(self) -> None:
        self.here = False
        self.asked = 0

    async def secrets(self) -> Answer:
        self.asked += 1
        return await given_secrets() if self.here else Answer(503, b"", {})


async def test_without_secrets_commands_are_refused_and_ready_says_so(settings: Settings) -> None:
    directory = Directory()
    async with serve(settings, directory.secrets) as served:
        ready = await served.get("/ready")
        assert ready.status == 503
        assert {"secrets", "directory", "kafka"} <= {*ready.body["waiting_for"]}
        refused = await served.command(uuid4(), "accept")
        assert (refused.status, refused.body["code"]) == (503, "not_ready")
        assert refused.headers["retry-after"] == "1"
        assert (await served.get("/health")).status == 200
        await until_true(lambda: directory.asked > 1)  # it is asked again by itself
        directory.here = True
        await create_topics(settings, *HEARD)
        await announce(settings)
        await served.until_ready()
        assert (await served.command(uuid4(), "accept")).body["code"] == "not_found"
