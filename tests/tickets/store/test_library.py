"""Our recorder is one of the eventsourcing library: the library's own test cases, run on it."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from services.tickets.storage.contract import Expectation, ForeignStreamError
from services.tickets.storage.event_store import NoAccountError, Recorder
from tests.tickets.store.stores import ACCOUNT, OTHER_ACCOUNT, Opening, a_command, a_stream, writes


class FromOne(Recorder):
    """For the library's tests that number events from 0; our streams begin with 1."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int]:
        moved = [replace(e, originator_version=e.originator_version + 1) for e in stored_events]
        return super().insert_events(moved, **kwargs)


class OnOurDatabase:
    """A database per test, and the recorders over it, closed at the end."""

    url: str
    kind: type[Recorder] = Recorder
    made: list[Recorder]

    @pytest.fixture(autouse=True)
    def _database(self, url: str) -> Generator[None]:
        self.url, self.made = url, []
        yield
        for recorder in self.made:
            recorder.close()

    def create_recorder(self) -> Recorder:
        self.made.append(self.kind(self.url, account=ACCOUNT))
        return self.made[-1]


class TestApplicationRecorder(OnOurDatabase, ApplicationRecorderTestCase[Recorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()

    def test_concurrent_no_conflicts(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.kind = FromOne  # it numbers events from 0
        super().test_concurrent_no_conflicts()

    def test_concurrent_throughput(self) -> None:
        self.kind = FromOne  # it numbers events from 0
        super().test_concurrent_throughput()


class TestNotificationIds(OnOurDatabase, NonInterleavingNotificationIDsBaseCase):
    kind = FromOne  # it numbers events from 0


@pytest.fixture
def recorder(url: str) -> Generator[Recorder]:
    made = Recorder(url, account=ACCOUNT)
    yield made
    made.close()


def an_event(stream: UUID, version: int = 1, state: bytes = b"1\n{}\n{}") -> StoredEvent:
    return StoredEvent(stream, version, "test.Opened", state)


def test_an_insert_over_several_streams_holds_whole_or_not_at_all(recorder: Recorder) -> None:
    first, second = uuid4(), uuid4()
    recorder.insert_events([an_event(first)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([an_event(second), an_event(first)])
    assert recorder.select_events(second) == []
    assert recorder.insert_events([an_event(second), an_event(first, 2)]) == [2, 3]


def test_versions_of_a_stream_have_no_gap(recorder: Recorder) -> None:
    stream = uuid4()
    for wrong in ([an_event(stream, 2)], [an_event(stream), an_event(stream, 3)]):
        with pytest.raises(IntegrityError):
            recorder.insert_events(wrong)
    assert recorder.max_notification_id() is None


async def test_a_stream_keeps_account_and_key_that_it_was_born_with(
    opening: Opening, recorder: Recorder
) -> None:
    stream = a_stream(key=uuid4())
    await opening.store.append(a_command(writes(stream), account=OTHER_ACCOUNT))
    (stored,) = recorder.select_events(stream.id)
    recorder.insert_events([replace(stored, originator_version=2)])
    found = await opening.store.stream(stream.id, 1, 10)
    assert [(e.account, e.key, e.version) for e in found] == [
        (OTHER_ACCOUNT, stream.key, 1),
        (OTHER_ACCOUNT, stream.key, 2),
    ]


async def test_streams_of_two_accounts_are_not_written_together(
    opening: Opening, recorder: Recorder
) -> None:
    ours, theirs = a_stream(), a_stream()
    await opening.store.append(a_command(writes(ours)))
    await opening.store.append(a_command(writes(theirs), account=OTHER_ACCOUNT))
    with pytest.raises(ForeignStreamError):
        recorder.insert_events([an_event(ours.id, 2), an_event(theirs.id, 2)])


def test_a_new_stream_needs_an_account(url: str) -> None:
    nobody = Recorder(url)
    try:
        with pytest.raises(NoAccountError):
            nobody.insert_events([an_event(uuid4())])
    finally:
        nobody.close()


async def test_what_the_service_appends_comes_by_the_subscription(
    opening: Opening, recorder: Recorder
) -> None:
    stream = a_stream()
    await opening.store.append(a_command(Expectation(stream, 0), writes(stream, count=2)))
    with recorder.subscribe(gt=0) as subscription:
        found = [next(subscription), next(subscription)]
    assert [(n.originator_id, n.originator_version) for n in found] == [
        (stream.id, 1),
        (stream.id, 2),
    ]
