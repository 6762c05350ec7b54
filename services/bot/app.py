"""What the bot is made of."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.bot.adapters.catch_up import CatchUp
from services.bot.adapters.codec import Codec
from services.bot.adapters.directory import FlowTargets
from services.bot.adapters.evaluators import EVALUATORS
from services.bot.adapters.feed import TicketsFeed
from services.bot.adapters.files import read_flows
from services.bot.adapters.gauges import Gauges
from services.bot.adapters.kafka import subscriptions
from services.bot.adapters.retention import forget_ended
from services.bot.adapters.store import PostgresStore
from services.bot.handlers.flows import Flows
from services.bot.handlers.publish import Publishing
from services.bot.handlers.replies import Replies
from services.bot.handlers.sessions import Sessions
from services.bot.handlers.ticket_events import TicketEvents
from services.bot.handlers.timers import Timers
from services.bot.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing.database import Database
from shared.plumbing.feed import FeedClient, FeedRefusedError
from shared.plumbing.loops import Body, Heartbeat, Lease
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.sealing import Sealer
from shared.plumbing.service import Service
from shared.plumbing.timer_failures import TimerFailures

SERVICE: Final = "bot"
_LEASE_SECONDS: Final = 30.0
_SECRETS_SECONDS: Final = 60.0


def build_app(settings: Settings, *, now: Callable[[], datetime] | None = None) -> FastAPI:
    """The whole service; without `now` the time is the database's."""
    probe = "SELECT 1 FROM session LIMIT 1"
    database = Database(settings.database_url, probe, min_size=2, max_size=10)
    waits_for = ("postgres", "secrets", "directory", "feed", "kafka")
    service = Service(SERVICE, settings, waits_for=waits_for, database=database, now=now)
    secrets = service.secrets(interval_seconds=_SECRETS_SECONDS)
    targets, pool = FlowTargets(), database.pool
    directory = service.reader("directory", DIRECTORY_EVENTS.name, targets.on_message)
    tickets = service.calls.to("tickets", settings.tickets_urls)
    feed = TicketsFeed(FeedClient(tickets, SERVICE, now=service.now))
    outbox, failures = Outbox(pool, service.producer), TimerFailures(pool, "timer_id")
    read_all, now, note = partial(read_flows, settings.flows_dir), service.now, service.health.note

    async def start() -> None:
        """Flows before the past, the past before Kafka."""
        await service.open_database()
        await service.arrival("secrets", secrets.ready)
        sealer = Sealer(secrets.own_key)
        store = PostgresStore(pool, Codec(sealer), outbox)
        publishing = Publishing(pool, store, outbox, targets, read_all, EVALUATORS, now, note)
        sessions = Sessions(store, Flows(store, publishing), EVALUATORS, now)
        ticket_events = TicketEvents(pool, store, sessions, feed, outbox)
        parking = ParkedVersions(pool, sealer, SERVICE)
        subscriptions(service, parking, ticket_events, Replies(pool, sessions, outbox))
        timers = Timers(pool, store, sessions, outbox, failures, now)
        lease = Lease(pool, "feed", settings.instance, _LEASE_SECONDS)
        catch_up = CatchUp(pool, store, sessions, ticket_events, feed, parking, outbox, lease, now)

        def when_ready(body: Body) -> Body:
            """Who only waits is absent: Kafka may forget what it brings meanwhile."""

            async def gated(beat: Heartbeat) -> None:
                beat.beat()
                if not service.health.waits_for:
                    await body(beat)

            return gated

        service.loop("timers", timers.fire, settings.timer_seconds)
        service.loop("timer-failures", failures.measure, 5.0)
        service.loop("outbox", outbox.drain, wake=outbox.wake)
        service.loop("parked", parking.retry_due)
        service.loop("gauges", Gauges(pool, now).measure, 5.0)
        service.loop(
            "ended", forget_ended(pool, timedelta(days=settings.keep_ended_days), now), 60.0
        )
        await service.connect_producer()
        await directory.ready.wait()  # half of a directory would refuse what is right
        await service.attempt("directory", publishing.look, also=Database.transient)
        service.loop("publish", publishing.again, settings.publish_seconds, wake=targets.changed)
        also = (*Database.transient, FeedRefusedError)
        await service.attempt("feed", catch_up.run, also=also)
        service.loop("past", when_ready(catch_up.again))
        service.loop("seen", when_ready(catch_up.seen), 30.0)
        await service.consume()

    return service.app(start)
