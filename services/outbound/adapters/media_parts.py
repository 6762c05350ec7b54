"""The parts of outbound that have to do with files, and their loops."""

import asyncio
import os
import random
from typing import Final

from fastapi import FastAPI

from services.outbound.adapters import http
from services.outbound.adapters.graph import open_session
from services.outbound.adapters.graph_media import GraphMedia
from services.outbound.adapters.media_files import MediaFiles
from services.outbound.adapters.media_keys import MediaKeys
from services.outbound.adapters.media_rows import MediaGauges
from services.outbound.adapters.store import PostgresStore
from services.outbound.handlers.fetch_media import MediaFetcher
from services.outbound.handlers.media_storage import MediaStorage
from services.outbound.handlers.ports import Numbers
from services.outbound.handlers.upload_media import MediaUploader
from services.outbound.settings import Settings
from shared.contracts.problems import PROBLEMS
from shared.plumbing.database import Database
from shared.plumbing.problems import install_problems
from shared.plumbing.service import Service
from shared.plumbing.tokens import TokenVerifier

_CONNECTIONS: Final = 16  # to Meta, for files
_SALT_BYTES: Final = 16
_POLL_SECONDS: Final = 2.0  # for what is to be tried again, and for other processes' commands


class MediaParts:
    """`storage` is None until the database is there."""

    def __init__(self, service: Service, settings: Settings, numbers: Numbers) -> None:
        self._service = service
        self._settings = settings
        self._numbers = numbers
        self.storage: MediaStorage | None = None
        self.wake = asyncio.Event()  # a file is to be fetched or uploaded

    def mount(self, app: FastAPI) -> FastAPI:
        """The same app, which serves the internal API of files too."""
        install_problems(app, PROBLEMS)
        verifier = TokenVerifier(self._service.name, self._settings.keys_dir, now=self._service.now)
        app.include_router(http.router(lambda: self.storage, verifier))
        return app

    def start(self, store: PostgresStore, database: Database, *, sender: asyncio.Event) -> None:
        """Store, fetch and upload; `sender` is set when messages may be sent."""
        session = open_session(connections=_CONNECTIONS)
        service, now = self._service, self._service.now
        keys = MediaKeys(service.calls.to("tickets", self._settings.tickets_urls))
        files, graph = MediaFiles.at(self._settings.media_url), GraphMedia(session)
        storage = MediaStorage(
            store, files, keys, now=now, new_salt=lambda: os.urandom(_SALT_BYTES)
        )
        fetcher = MediaFetcher(store, storage, graph, self._numbers, now=now)
        uploader = MediaUploader(
            store,
            storage,
            graph,
            self._numbers,
            now=now,
            jitter=random.random,
            uploaded=sender.set,
        )
        service.loop("media-fetch", fetcher.turn, _POLL_SECONDS, wake=self.wake)
        service.loop("media-upload", uploader.turn, _POLL_SECONDS, wake=self.wake)
        service.loop("media-gauges", MediaGauges(database.pool).measure, 5.0)
        service.at_stop(session.close)
        self.storage = storage
