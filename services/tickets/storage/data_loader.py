"""Combine concurrent callers' questions into one query."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Asked(Generic[K, V]):
    keys: Sequence[K]
    answer: "asyncio.Future[dict[K, V]]"


class DataLoader(Generic[K, V]):
    """Collects questions while a query runs and asks all of them in the next one.

    No question is answered by a query that had begun before it: the answer is as fresh as the
    question. Keys that the query does not answer are absent.
    """

    def __init__(
        self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, most: int = 500
    ) -> None:
        self._fetch = fetch
        self._most = most
        self._asked: deque[_Asked[K, V]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def get(self, keys: Iterable[K]) -> dict[K, V]:
        """What the query finds for these keys; raises what the query raises."""
        asked = _Asked[K, V](list(keys), asyncio.get_running_loop().create_future())
        if not asked.keys:
            return {}
        self._asked.append(asked)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await asked.answer

    async def _drain(self) -> None:
        while self._asked:
            taken = self._take()
            try:
                found = await self._fetch(list({key: None for one in taken for key in one.keys}))
            except Exception as error:  # noqa: BLE001  the callers get it, each for itself
                _fail(taken, error)
            except BaseException:
                _fail([*taken, *self._asked], ConnectionAbortedError())
                self._asked.clear()
                raise
            else:
                for one in taken:
                    if not one.answer.done():
                        one.answer.set_result({k: found[k] for k in one.keys if k in found})

    def _take(self) -> list[_Asked[K, V]]:
        """At least one question, then as many as fit."""
        taken = [self._asked.popleft()]
        count = len(taken[0].keys)
        while self._asked and count + len(self._asked[0].keys) <= self._most:
            count += len(self._asked[0].keys)
            taken.append(self._asked.popleft())
        return taken


def _fail(taken: Iterable[_Asked[K, V]], error: Exception) -> None:
    for one in taken:
        if not one.answer.done():
            one.answer.set_exception(error)
