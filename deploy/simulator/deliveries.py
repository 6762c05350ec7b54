"""How do webhooks reach the receiver? Signed, concurrent, until 200 (Cloud API 3.4)."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from deploy.simulator.behaviour import Behaviour
from deploy.simulator.doors import Doors
from deploy.simulator.json_values import Json
from deploy.simulator.ledger import Item
from deploy.simulator.shapes import Number, envelope, value
from deploy.simulator.signing import escaped, signature

WORKERS = 32
_OK = 200


@dataclass(frozen=True, slots=True)
class Update:
    """One element of messages[] or statuses[], and its place in the ledger."""

    item: Item
    number: Number
    kind: str  # messages or statuses
    payload: Json
    contact: Json | None = None
    done: asyncio.Event | None = None  # set when the receiver first answered 200


@dataclass(slots=True)
class Post:
    """A body, as it goes out each time, and what is in it."""

    body: bytes
    updates: tuple[Update, ...]
    generation: int
    attempt: int = 0
    again: bool = False  # deliver once more after it got 200
    failed_at: str | None = None  # the address of the last attempt, when it got no 200


def compose(updates: Sequence[Update]) -> Json:
    """The envelope of several updates: one change for each number and kind, order kept."""
    groups: dict[tuple[Number, str], list[Update]] = defaultdict(list)
    for update in updates:
        groups[(update.number, update.kind)].append(update)
    entries: dict[str, list[Json]] = defaultdict(list)
    for (number, kind), members in groups.items():
        known = {str(member.contact): member.contact for member in members if member.contact}
        items = [member.payload for member in members]
        entries[number.waba_id].append(value(number, list(known.values()), kind, items))
    return envelope(list(entries.items()))


class Deliveries:
    """A queue of posts and the workers that send them."""

    def __init__(self, doors: Doors, secret: str, behaviour: Callable[[], Behaviour]) -> None:
        self._doors, self._secret, self._behaviour = doors, secret, behaviour
        self._queue: asyncio.Queue[Post | None] = asyncio.Queue()
        self._statuses: deque[Update] = deque()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = asyncio.Event()
        self._generation = 0
        self._session: asyncio.Future[aiohttp.ClientSession] = asyncio.Future()
        self.pending = 0  # posts and waiting statuses that have not got their 200

    def open(self) -> None:
        """The handshake succeeded: deliveries may begin."""
        self._open.set()

    @property
    def is_open(self) -> bool:
        """Whether the handshake succeeded."""
        return self._open.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether somebody paused the deliveries."""
        return not self._flowing.is_set()

    def pause(self) -> None:
        """Hold everything that has not left yet."""
        self._flowing.clear()

    def resume(self) -> None:
        """Go on."""
        self._flowing.set()

    def post(
        self,
        updates: Sequence[Update],
        *,
        copies: int = 1,
        again: bool = False,
        after: float = 0,
    ) -> None:
        """Send these in one body of their own; copies go side by side, `after` seconds from now."""
        body = escaped(compose(updates))
        for _ in range(copies):
            self.pending += 1
            self._put(Post(body, tuple(updates), self._generation, again=again), after)

    def _put(self, post: Post, after: float) -> None:
        if after:
            asyncio.get_running_loop().call_later(after, self._queue.put_nowait, post)
        else:
            self._queue.put_nowait(post)

    def status(self, update: Update) -> None:
        """Send a status, with others that wait for a free worker."""
        self.pending += 1
        self._statuses.append(update)
        self._queue.put_nowait(None)

    def clear(self) -> None:
        """Forget what has not been delivered."""
        self._generation += 1
        self._statuses.clear()
        while not self._queue.empty():
            self._queue.get_nowait()
        self.pending = 0

    async def run(self) -> None:
        """Deliver until cancelled."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        async with aiohttp.ClientSession(connector=connector) as session:
            self._session.set_result(session)
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())

    async def _work(self) -> None:
        await self._open.wait()
        while True:
            post = await self._queue.get()
            await self._flowing.wait()
            post = post or self._batch()
            if post and post.generation == self._generation:
                door = self._doors.next(post.failed_at)
                code = await self.attempt(door, post.body)
                post.failed_at = None if code == _OK else door
                self._settle(post, code)

    def _batch(self) -> Post | None:
        count = min(len(self._statuses), self._behaviour().batch_statuses)
        if not count:
            return None
        updates = tuple(self._statuses.popleft() for _ in range(count))
        self.pending -= count - 1
        return Post(escaped(compose(updates)), updates, self._generation)

    async def attempt(self, door: str, body: bytes, signed: str | None = None) -> int:
        """Deliver once, there; the HTTP status, 0 when no answer came. `signed`: another header."""
        session = await asyncio.shield(self._session)
        right = signature(self._secret, body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": right if signed is None else signed,
        }
        timeout = aiohttp.ClientTimeout(total=self._behaviour().timeout_seconds)
        try:
            async with session.post(
                door,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _settle(self, post: Post, code: int) -> None:
        for update in post.updates:
            update.item.answered(code)
        if post.generation != self._generation:
            return
        if code != _OK:
            self._retry(post)
            return
        for update in post.updates:
            if update.done:
                update.done.set()
        if post.again:
            post.again = False
            self._queue.put_nowait(post)
        else:
            self.pending -= 1

    def _retry(self, post: Post) -> None:
        pauses = self._behaviour().retry_seconds
        pause = pauses[min(post.attempt, len(pauses) - 1)]
        post.attempt += 1
        self._put(post, pause)
