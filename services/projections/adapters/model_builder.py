"""See to it that readers see a model of this program's form: build one beside, then switch."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from services.projections.adapters.feed import Feed
from services.projections.adapters.model_parts import model_parts
from services.projections.handlers.project import resets
from services.projections.handlers.rebuild import Pace, RebuildProgress, rebuild, unfinished
from services.projections.handlers.switch import switch
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.read_models.read_model import Connection
from services.projections.storage import models as catalog
from services.projections.storage import schemas
from services.projections.storage.models import BehindLiveError, BusyError, LiveModelError, Model
from shared.plumbing import clock, logs
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.sealing import Sealer

_SWITCH_SECONDS: Final = 5.0
_log = logs.get(__name__)


class ModelBuilder:
    """Builds and shows the model of our form where readers see one of an older form.

    Never goes back: a model with a lower number than the live one is shown only by an operator.
    """

    def __init__(
        self,
        url: str,
        instance: str,
        feed: Feed,
        sealer: Sealer,
        outbox: Outbox,
        read_models: ReadModels = READ_MODELS,
    ) -> None:
        self._url = url
        self._instance = instance
        self._feed = feed
        self._sealer = sealer
        self._outbox = outbox
        self._read_models = read_models
        self._form = schemas.form(read_models)

    async def look(self, beat: Heartbeat) -> None:
        """A body for Loops (each half second)."""
        async with self._connected() as conn:
            found = await catalog.models(conn)
            live = next(model for model in found if model.live)
            if live.form == self._form:
                return
            ours = [model for model in found if model.form == self._form]
            if not ours or ours[-1].state == "building":
                await self._build(conn, beat)
            elif ours[-1].follows and ours[-1].number > live.number:
                await self._show(conn, ours[-1])

    async def _build(self, conn: Connection, beat: Heartbeat) -> None:
        try:
            await catalog.alone_at_work(conn)
        except BusyError:
            return  # another process builds it
        if await catalog.remake_if_empty(conn, self._read_models):
            _log.info("empty model made in our form", form=self._form)
            return
        async with conn.transaction():
            number = await unfinished(conn, self._read_models)
        _log.info("building a model of our form", model=number, form=self._form)
        made = model_parts(
            self._url, number, self._feed, self._sealer, "building", self._read_models
        )
        await made.pool.open()
        try:
            pace = Pace(made.pool, number, _log_progress)
            await rebuild(made, number, self._feed, self._instance, pace, beat=beat)
        finally:
            await made.pool.close()

    async def _show(self, conn: Connection, model: Model) -> None:
        async def reset(within: Connection) -> None:
            accounts = await catalog.accounts_of(within, model.number)
            await self._outbox.put(within, resets(accounts, clock.now()))

        try:
            await switch(conn, model.number, reset, seconds=_SWITCH_SECONDS)
        except (BehindLiveError, LockNotAvailable, LiveModelError) as error:
            _log.info("not switched yet", model=model.number, reason=type(error).__name__)
            return
        self._outbox.wake.set()
        _log.info("readers see the model of our form", model=model.number, form=model.form)

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Connection]:
        async with await AsyncConnection.connect(self._url, autocommit=True) as conn:
            yield conn


def _log_progress(progress: RebuildProgress) -> None:
    _log.info("model built so far", log_id=progress.log_id, head=progress.head)
