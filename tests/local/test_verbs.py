"""An operator whose servers are away, or who errs, reads one sentence, not a program's insides."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import services.__main__ as guiche

_ROOT = Path(__file__).parents[2]
_PARKING = ("bot", "outbound", "projections", "tickets")
_NOBODY = "postgresql://127.0.0.1:1/nothing?connect_timeout=2"


@pytest.mark.parametrize(
    "verb",
    [
        "relay status",
        "stream show 0199aaaa-0000-7000-8000-000000000001",
        "projections status",
        "directory show",
        "ingest dead list",
        "topics",
        "lag",
    ],
)
def test_a_verb_whose_server_is_away_says_so_and_where_to_look(verb: str, tmp_path: Path) -> None:
    services = ("TICKETS", "PROJECTIONS", "DIRECTORY")
    done = _run(
        verb,
        {
            **{f"{service}_DATABASE_URL": _NOBODY for service in services},
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "GUICHE_RUN_DIR": str(tmp_path),
        },
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "`guiche doctor` says more" in done.stderr


@pytest.mark.parametrize("service", ["nobody", "gateway", "ingest"])
def test_a_service_that_parks_nothing_is_refused_with_those_that_do(
    service: str, tmp_path: Path
) -> None:
    done = _run(f"parked show 1 --service {service}", {"GUICHE_RUN_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"{service} parks nothing" in done.stderr
    assert [name for name in _PARKING if name not in done.stderr] == []


@pytest.mark.parametrize("verb", ["show", "retry", "skip"])
def test_a_parked_verb_ends_as_that_of_the_service_does(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = typer.Typer()

    @refusing.command(verb)
    def refuse(number: int) -> None:
        raise typer.Exit(number)

    @refusing.command()
    def other() -> None:
        raise AssertionError

    monkeypatch.setattr("services.tickets.ops.parked", refusing)
    assert CliRunner().invoke(guiche.parked, [verb, "1"]).exit_code == 1


def test_ctrl_c_while_verbs_are_gathered_ends_without_a_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(guiche, "gather", interrupted)
    monkeypatch.setattr(sys, "argv", ["guiche", "relay", "status"])
    with pytest.raises(SystemExit) as ended:
        guiche.main()
    assert ended.value.code == 130


def _run(verb: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "services", *verb.split()],
        cwd=_ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
