"""Which rows are there? Each: its number in the law, and the module that prints it.

Not here, and why:
- single-event saves against message-db (eventstore.md 5): message-db is an extension that this
  machine does not have. `bench.store.serial` measures against the same way of writing in plain SQL:
  one call per event that takes a lock, looks up the stream's version and inserts.
- text search over messages, and views of a million tickets: there is no search of texts yet, and a
  million tickets take longer to make than all other rows together.
"""

from typing import Final

ROWS: Final[dict[str, str]] = {
    "eventstore.md 5: 50-command batch": "bench.store.batch",
    "eventstore.md 5: one command, one caller": "bench.store.single",
    "eventstore.md 5: 16 and 64 callers": "bench.store.callers",
    "eventstore.md 5: single-event saves, serial peer": "bench.store.serial",
    "eventstore.md 5: replay 1000, load 10": "bench.store.replay",
    "eventstore.md 5: warm tickets against the library": "bench.store.warm",
    "eventstore.md 5: tail reader": "bench.store.tail",
    "eventstore.md 5: relay": "bench.relay",
    "eventstore.md 5: projection": "bench.projection",
    "design.md 6, 1: webhook acknowledged": "bench.webhook",
    "design.md 6, 2 and 3: webhook to screen, sustained": "bench.way",
    "design.md 6: the quiet hour": "bench.quiet",
    "design.md 6, 4: accept by HTTP": "bench.accept",
    "design.md 6: first page of a view, 100 k": "bench.lists",
    "design.md 6: sending": "bench.sending",
    "design.md 6: memory": "bench.memory",
}
