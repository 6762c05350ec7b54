"""Many callers, one query: how are single questions of concurrent callers asked together?"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batched(Generic[K, V]):
    """Collects keys while a query runs and asks for all of them in the next one.

    A key is never answered by a query that had begun before it was asked: the answer is as fresh as
    the question. Keys that the query does not answer are absent.
    """

    def __init__(
        self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, most: int = 500
    ) -> None:
        self._fetch = fetch
        self._most = most
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, keys: Iterable[K]) -> dict[K, V]:
        """What the query finds for these keys; raises what the query raises."""
        asked = {key: self._ask(key) for key in keys}
        if asked:
            await asyncio.wait(asked.values())  # never cancels what others wait for, too
        found = {key: future.result() for key, future in asked.items()}
        return {key: value for key, value in found.items() if value is not None}

    def _ask(self, key: K) -> "asyncio.Future[V | None]":
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_seen)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        while self._waiting:
            taken = {key: self._waiting[key] for key in list(self._waiting)[: self._most]}
            for key in taken:
                del self._waiting[key]
            try:
                found = await self._fetch(list(taken))
            except BaseException as error:
                for future in taken.values():
                    future.set_exception(
                        error if isinstance(error, Exception) else ConnectionAbortedError()
                    )
                if not isinstance(error, Exception):
                    raise
            else:
                for key, future in taken.items():
                    future.set_result(found.get(key))


def _seen(future: "asyncio.Future[V | None]") -> None:
    if not future.cancelled():
        future.exception()  # a caller that was cancelled never looks; that is no defect
