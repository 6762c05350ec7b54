"""`make check-red`: without a rule, does a test go red? Each is taken out of a copy in turn."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.checks.table import CONSOLE

_ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("services", "shared", "deploy", "tests", "pyproject.toml")
_APPEND: Final = "services/tickets/migrations/versions/0001_event_store.py"
_INBOUND: Final = "tests/tickets/handlers/test_inbound.py::"
_MEDIA: Final = "tests/outbound/test_media.py::"
_STORE: Final = "tests/tickets/store/test_append.py::"
_REBUILD: Final = "tests/projections/test_rebuild.py::"
_SECONDS: Final = 300.0
_GREEN, _RED = 0, 1  # exit codes of pytest; another one means that nothing was judged


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, the text that keeps it, what stands there without it, and who must notice."""

    name: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]


class PatchError(Exception):
    """The text of a rule is not in its file exactly once: the rule moved, or is kept twice."""


RULES: Final = (
    Rule(
        "claim of the inbound item",
        "services/tickets/handlers/claims.py",
        'hasher.hashed(account, "inbound", *parts)',
        'hasher.hashed(account, "inbound", str(holder), str(id(parts)))',
        (f"{_INBOUND}test_the_same_item_again_even_through_another_process_is_a_no_op",),
    ),
    Rule(
        "claim of the open ticket",
        "services/tickets/handlers/claims.py",
        "open_ticket_key(contact, connection), ticket.bytes",
        "ticket.bytes, ticket.bytes",
        (
            (
                "tests/tickets/handlers/test_commands.py::"
                "test_reopening_is_refused_while_another_ticket_is_open"
            ),
        ),
    ),
    Rule(
        "read-only expectation",
        _APPEND,
        "WHERE coalesce(h.v, 0) <> u.version OR h.account <> p_account[u.cmd]",
        "WHERE (coalesce(h.v, 0) <> u.version AND u.n = ANY(e_exp))"
        " OR h.account <> p_account[u.cmd]",
        (f"{_STORE}test_a_stream_that_was_only_read_refuses_when_it_moved",),
    ),
    Rule(
        "lock of the log",
        _APPEND,
        "PERFORM pg_advisory_xact_lock(77);",
        "PERFORM 77;",
        (
            (
                "tests/tickets/store/test_races.py::"
                "test_a_tail_reader_misses_nothing_under_eight_writers_in_two_processes"
            ),
        ),
    ),
    Rule(
        "one key in order",
        "shared/plumbing/batches.py",
        "lanes.setdefault(self._work.key(message), []).append(message)",
        'lanes.setdefault(b"%d" % len(lanes), []).append(message)',
        (
            (
                "tests/wire/test_consuming.py::"
                "test_the_messages_of_a_key_are_handled_in_order_and_keys_at_the_same_time"
            ),
        ),
    ),
    Rule(
        "gap rule",
        "shared/plumbing/sequence.py",
        "if version > last[stream] + 1:",
        "if version > last[stream] + 1_000_000:",
        (
            (
                "tests/plumbing/test_sequence.py::"
                "test_a_gap_is_told_from_where_and_what_follows_it_is_a_gap_too"
            ),
        ),
    ),
    Rule(
        "repeats are dropped",
        "shared/plumbing/sequence.py",
        "if version <= last[stream]:",
        "if version < 0:",
        (
            (
                "tests/plumbing/test_sequence.py::"
                "test_each_version_of_a_stream_is_applied_once_and_in_order"
            ),
        ),
    ),
    Rule(
        "counters move with their rows",
        "services/projections/read_models/cards/tables.py",
        "tickets = c.tickets + excluded.tickets",
        "tickets = excluded.tickets",
        (
            (
                "tests/projections/test_project.py::"
                "test_counters_are_the_sizes_of_the_views_at_every_version"
            ),
        ),
    ),
    Rule(
        "counters are summed over partitions",
        "services/projections/read_models/cards/queries.py",
        "SELECT view, sector_id, owner_id, sum(tickets)::bigint FROM counter",
        "SELECT view, sector_id, owner_id, max(tickets)::bigint FROM counter",
        (
            (
                "tests/projections/test_project.py::"
                "test_counters_are_the_sizes_of_the_views_at_every_version"
            ),
        ),
    ),
    Rule(
        "a model that nobody sees tells nobody",
        "services/projections/handlers/project.py",
        "if new and work.told and loaded.live else []",
        "if new and work.told else []",
        (f"{_REBUILD}test_readers_see_one_model_or_the_other_and_screens_load_again",),
    ),
    Rule(
        "a switch waits until nothing is missing",
        "services/projections/domain/positions.py",
        "or (new[partition].epoch, new[partition].log_id)"
        " < (checkpoint.epoch, checkpoint.last_event)",
        "or new[partition].epoch < checkpoint.epoch",
        (f"{_REBUILD}test_readers_see_one_model_or_the_other_and_screens_load_again",),
    ),
    Rule(
        "a switch waits for those who read",
        "services/projections/handlers/switch.py",
        "    await live_model.without_readers(conn)\n",
        "",
        (f"{_REBUILD}test_nobody_reads_the_old_model_after_the_switch",),
    ),
    Rule(
        "no position falls at a switch",
        "services/projections/handlers/switch.py",
        "    await _raise(conn, to, old, await checkpoints.of_model(conn, to, lock=True))\n",
        "",
        (
            (
                f"{_REBUILD}test_going_back_waits_for_no_event_that_does_not_exist_"
                "and_no_position_falls"
            ),
        ),
    ),
    Rule(
        "who folds a model folds it alone",
        "services/projections/handlers/project.py",
        "if loaded.state != self._turn:",
        "if loaded.state is None:",
        (f"{_REBUILD}test_nobody_else_folds_a_model_that_is_built_or_compared",),
    ),
    Rule(
        "position after the acknowledgments",
        "services/tickets/adapters/relay.py",
        "await self._producer.send_all(batch.messages)\n",
        "await self._position.move(position, Position(epoch, batch.reached))\n"
        "        position = Position(epoch, batch.reached)\n"
        "        await self._producer.send_all(batch.messages)\n",
        (
            (
                "tests/tickets/adapters/test_relay.py::"
                "test_the_position_does_not_move_before_the_acknowledgments"
            ),
        ),
    ),
    Rule(
        "claim of the outbox",
        "shared/plumbing/outbox.py",
        "if locked is None or not locked[0]:",
        "if locked is None:",
        ("tests/wire/test_outbox.py::test_two_drainers_do_not_publish_the_same_rows",),
    ),
    Rule(
        "account of a claim",
        _APPEND,
        "(k.account, k.kind, k.key) = (p_account[u.cmd], u.kind, u.key)",
        "(k.kind, k.key) = (u.kind, u.key)",
        (f"{_STORE}test_claims_of_accounts_do_not_meet",),
    ),
    Rule(
        "account in a query",
        "services/projections/storage/live_model.py",
        "set_config('role', 'guiche_projections_reader', true)",
        "set_config('role', 'guiche_projections', true)",
        (
            (
                "tests/projections/test_project.py::"
                "test_a_reader_sees_one_account_even_when_the_query_forgets_it"
            ),
        ),
    ),
    Rule(
        "sectors in a query",
        "services/projections/read_models/scope.py",
        "AND (%(all)s OR",
        "AND (true OR %(all)s OR",
        ("tests/projections/test_project.py::test_an_agent_sees_own_sectors_and_own_tickets_only",),
    ),
    Rule(
        "comparison of the signature",
        "services/ingest/domain/signature.py",
        "return hmac.compare_digest(expected, digest)",
        "return len(expected) == len(digest)",
        ("tests/ingest/test_signature.py::test_one_changed_bit_of_the_body_is_refused",),
    ),
    Rule(
        "slot of an agent's limit",
        "services/tickets/handlers/side_effects.py",
        "return (open_ticket, claims.agent_slot(ticket.owner_id, ticket.slot, ticket.id))",
        "return (open_ticket,)",
        (
            (
                "tests/tickets/handlers/test_limits.py::"
                "test_one_more_than_the_limit_is_refused_until_another_is_closed"
            ),
        ),
    ),
    Rule(
        "window at send",
        "services/outbound/domain/window.py",
        "return closes is not None and now + margin < closes",
        "return now + margin > now",
        (
            (
                "tests/outbound/test_sending.py::"
                "test_a_closed_window_is_refused_here_and_a_newer_message_opens_it"
            ),
        ),
    ),
    Rule(
        "never sent again after a restart",
        "services/outbound/handlers/recover.py",
        'fate.unknown(row, "restart", now)\n                    if row.kind is Kind.SEND\n',
        'fate.unknown(row, "restart", now)\n                    if row.kind is None\n',
        (
            (
                "tests/outbound/test_sending.py::"
                "test_a_row_in_the_hands_of_a_dead_process_is_unknown_and_never_sent_again"
            ),
        ),
    ),
    Rule(
        "a file belongs to an account",
        "services/outbound/adapters/media_rows.py",
        "FROM media WHERE id = %s AND account_id = %s",
        "FROM media WHERE id = %s AND (account_id = %s OR true)",
        (f"{_MEDIA}test_a_file_of_another_account_is_unknown",),
    ),
    Rule(
        "a fetch that was overtaken stores nothing",
        "services/outbound/adapters/media_rows.py",
        "WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s",
        "WHERE id = %(id)s",
        (f"{_MEDIA}test_of_two_processes_that_fetch_a_file_one_stores_it",),
    ),
    Rule(
        "a file is seen by who sees its ticket",
        "services/gateway/adapters/http/media.py",
        "        await projections.ticket(person, query)\n        asked",
        "        del query\n        asked",
        ("tests/gateway/test_media.py::test_a_file_of_a_ticket_out_of_sight_is_not_there",),
    ),
    Rule(
        "a consumer without a coordinator is stuck",
        "shared/plumbing/kafka/broker.py",
        "consumption.progress.stuck or subscriber.consumer.is_dead",
        "consumption.progress.stuck",
        (
            (
                "tests/wire/test_consuming.py::"
                "test_a_consumer_whose_coordinator_has_ended_is_told_as_stuck"
            ),
        ),
    ),
    Rule(
        "compacted topics are read whole first",
        "services/gateway/adapters/http/signed_in.py",
        "if not is_ready():",
        "if is_ready is None:",
        (
            (
                "tests/gateway/test_http.py::"
                "test_before_the_directory_is_read_whole_nobody_is_a_stranger"
            ),
        ),
    ),
)


def main() -> None:
    """Green with all rules, red without each; the exit code tells."""
    folder = Path(tempfile.mkdtemp(prefix="guiche-red-"))
    folder.chmod(0o711)
    try:
        copy = _copied(folder)
        for rule in RULES:
            _patched(copy, rule)  # before anything is run: does every patch apply?
        _all_green(copy)
        codes = [_without(copy, rule) for rule in RULES]
    finally:
        shutil.rmtree(folder)
    if any(code != _RED for code in codes):
        raise SystemExit(1)


def _all_green(copy: Path) -> None:
    tests = list(dict.fromkeys(test for rule in RULES for test in rule.tests))
    code, output = _tested(copy, tests)
    CONSOLE.print(
        f"{len(tests)} tests with all rules: {'green' if code == _GREEN else 'NOT green'}"
    )
    if code != _GREEN:
        CONSOLE.print(output, markup=False, highlight=False)
        raise SystemExit(1)


def _without(copy: Path, rule: Rule) -> int:
    file = copy / rule.file
    whole = file.read_text()
    file.write_text(_patched(copy, rule))
    try:
        code, output = _tested(copy, rule.tests)
    finally:
        file.write_text(whole)
    word = {_RED: "red", _GREEN: "STAYS GREEN"}.get(code, f"NOT JUDGED ({code})")
    table = Table.grid(padding=(0, 2))
    table.add_row(f"without {rule.name}", *(test.rpartition("::")[2] for test in rule.tests), word)
    CONSOLE.print(table)
    if code not in {_RED, _GREEN}:
        CONSOLE.print(output[-2000:], markup=False, highlight=False)
    return code


def _patched(copy: Path, rule: Rule) -> str:
    whole = (copy / rule.file).read_text()
    if whole.count(rule.text) != 1:
        what = f"{rule.name}: found {whole.count(rule.text)} times in {rule.file}"
        raise PatchError(what)
    return whole.replace(rule.text, rule.without)


def _tested(copy: Path, tests: list[str] | tuple[str, ...]) -> tuple[int, str]:
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--timeout=180",
            "-p",
            "no:cacheprovider",
            *tests,
        ],
        cwd=copy,
        env={**environment, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS * max(1, len(tests) // 3),
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def _copied(folder: Path) -> Path:
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


if __name__ == "__main__":
    main()
