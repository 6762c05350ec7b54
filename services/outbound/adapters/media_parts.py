"""The parts of outbound that have to do with files, and their loops."""

import asyncio
import os
import random

import aiohttp

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
from shared.plumbing.database import Database
from shared.plumbing.service import Service

_SALT_BYTES = 16


class MediaParts:
    """`storage` is None until the database is there."""

    def __init__(self, service: Service, settings: Settings, numbers: Numbers) -> None:
        self._service = service
        self._settings = settings
        self._numbers = numbers
        self.storage: MediaStorage | None = None

    def start(
        self,
        store: PostgresStore,
        database: Database,
        http: aiohttp.ClientSession,
        *,
        wake: asyncio.Event,
        sender: asyncio.Event,
    ) -> None:
        """Store, fetch and upload; `wake` wakes the loops, `sender` is set for the sender."""
        service, now = self._service, self._service.now
        keys = MediaKeys(service.calls.to("tickets", self._settings.tickets_urls))
        files, graph = MediaFiles.at(self._settings.media_url), GraphMedia(http)
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
        service.loop("media-fetch", fetcher.turn, 1.0)
        service.loop("media-upload", uploader.turn, 1.0, wake=wake)
        service.loop("media-gauges", MediaGauges(database.pool).measure, 5.0)
        self.storage = storage
