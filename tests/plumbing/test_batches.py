"""Every message of a batch is applied or parked, in the order of its key, whatever fails."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.plumbing.batches import ATTEMPTS, BatchProcessor
from shared.plumbing.transient import TransientError, UnprocessableError


class Item(NamedTuple):
    """`n` of a key; how it fails: never, always, as unprocessable, for two attempts, unreadable."""

    of: str
    n: int
    fails: str = ""
    commutes: bool = False


@dataclass
class Store:
    """Keeps what was applied and parked; applies all or nothing."""

    holding: set[bytes] = field(default_factory=set[bytes])
    applied: list[Item] = field(default_factory=list[Item])
    parked: list[tuple[Item, str, bool]] = field(default_factory=list[tuple[Item, str, bool]])
    sizes: list[int] = field(default_factory=list[int])
    tries: dict[Item, int] = field(default_factory=dict[Item, int])
    away: bool = False

    def key(self, item: Item) -> bytes:
        return item.of.encode()

    def where(self, item: Item) -> Mapping[str, object]:
        return {"seq": item.n}

    def readable(self, item: Item) -> bool:
        return item.fails != "unreadable"

    def commutes(self, item: Item) -> bool:
        return item.commutes

    async def held(self, keys: Collection[bytes]) -> set[bytes]:
        return self.holding & set(keys)

    async def apply(self, items: Sequence[Item]) -> None:
        if self.away:
            raise TransientError
        self.sizes.append(len(items))
        for item in items:
            self.tries[item] = self.tries.get(item, 0) + 1
            if item.fails == "always":
                raise LookupError
            if item.fails == "unprocessable":
                reason = "too_old"
                raise UnprocessableError(reason)
            if item.fails == "twice" and self.tries[item] <= 2:
                raise LookupError
        self.applied += items

    async def park(self, item: Item, reason: str, *, holds: bool) -> None:
        self.parked.append((item, reason, holds))


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=ATTEMPTS), capture_logs():
        yield


async def process(store: Store, *batch: Item, whole: bool = True) -> None:
    await BatchProcessor[Item](store, whole=whole, passing=(TransientError,)).process(batch)


async def test_a_batch_is_applied_whole() -> None:
    store = Store()
    await process(store, Item("a", 1), Item("b", 1), Item("a", 2))
    assert store.sizes == [3]
    assert store.parked == []


async def test_a_poison_is_parked_what_follows_its_key_behind_it_and_others_go_on() -> None:
    store = Store()
    poison = Item("a", 2, "always")
    await process(store, Item("a", 1), poison, Item("a", 3), Item("b", 1), Item("b", 2))
    assert set(store.applied) == {Item("a", 1), Item("b", 1), Item("b", 2)}
    assert store.parked == [(poison, "LookupError", True), (Item("a", 3), "behind", True)]
    assert 2 in store.sizes  # the lane of b once more whole


async def test_what_can_never_be_applied_is_tried_once() -> None:
    store, poison = Store(), Item("a", 1, "unprocessable")
    await process(store, poison, whole=False)
    assert (store.parked, store.tries[poison]) == ([(poison, "too_old", True)], 1)


async def test_what_fails_for_a_while_is_applied_in_the_end() -> None:
    store, shaky = Store(), Item("a", 1, "twice")
    await process(store, shaky, Item("a", 2), whole=False)
    assert (store.applied, store.parked) == ([shaky, Item("a", 2)], [])


async def test_a_message_is_tried_five_times() -> None:
    store, poison = Store(), Item("a", 1, "always")
    await process(store, poison, whole=False)
    assert store.tries[poison] == ATTEMPTS


async def test_a_held_key_is_parked_without_a_try_but_for_what_commutes() -> None:
    store = Store(holding={b"a"})
    status = Item("a", 2, commutes=True)
    await process(store, Item("a", 1), status, Item("b", 1))
    assert set(store.applied) == {status, Item("b", 1)}
    assert store.parked == [(Item("a", 1), "behind", True)]


async def test_what_commutes_is_parked_alone() -> None:
    store = Store()
    await process(store, Item("a", 1, "always", commutes=True), Item("a", 2))
    assert store.applied == [Item("a", 2)]
    assert [holds for _, _, holds in store.parked] == [False]


async def test_what_is_unreadable_is_parked_and_holds_its_key() -> None:
    store = Store()
    await process(store, Item("a", 1, "unreadable", commutes=True), Item("a", 2), Item("b", 1))
    assert store.applied == [Item("b", 1)]
    assert [reason for _, reason, _ in store.parked] == ["unreadable", "behind"]


@pytest.mark.parametrize("whole", [True, False])
async def test_what_is_no_message_s_fault_is_raised_and_parks_nothing(*, whole: bool) -> None:
    store = Store(away=True)
    with pytest.raises(TransientError):
        await process(store, Item("a", 1), Item("b", 1), whole=whole)
    assert (store.applied, store.parked) == ([], [])


FAILS = st.sampled_from(["", "", "", "always", "unprocessable", "unreadable"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abc"), FAILS), max_size=12),
    st.sets(st.sampled_from([b"a", b"b"])),
    st.booleans(),
)
async def test_nothing_is_lost_doubled_or_applied_after_what_waits(
    found: list[tuple[str, str]],
    holding: set[bytes],
    whole: bool,  # noqa: FBT001
) -> None:
    batch = [Item(of, n, fails) for n, (of, fails) in enumerate(found)]
    store = Store(holding=holding)
    await process(store, *batch, whole=whole)
    parked = [item for item, _, _ in store.parked]
    assert sorted(store.applied + parked) == sorted(batch)
    for of in "abc":
        applied = [item.n for item in store.applied if item.of == of]
        waiting = [item.n for item in parked if item.of == of]
        assert applied == sorted(applied)
        assert waiting == sorted(waiting)
        assert not applied or not waiting or applied[-1] < waiting[0]
