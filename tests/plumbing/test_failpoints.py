"""A failpoint acts at its hit, once, and only where it is named."""

import os
import subprocess
import sys

import pytest

from shared.plumbing import failpoints


def test_nothing_happens_where_nothing_is_armed() -> None:
    failpoints.hit("anywhere")


def test_it_acts_at_its_hit_only() -> None:
    failpoints.arm("tickets.after_append:raise@2")
    try:
        failpoints.hit("elsewhere")
        failpoints.hit("tickets.after_append")
        with pytest.raises(failpoints.FailpointError):
            failpoints.hit("tickets.after_append")
        failpoints.hit("tickets.after_append")
    finally:
        failpoints.arm("")


def test_kill_ends_the_process_like_kill_9() -> None:
    code = "from shared.plumbing.failpoints import hit; hit('x'); hit('x'); print('alive')"
    environment = {**os.environ, "FAILPOINT": "x:kill@2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-9, b"")


@pytest.mark.parametrize("spec", ["x", "x:explode", "x:kill@often"])
def test_what_cannot_be_read_is_refused(spec: str) -> None:
    with pytest.raises(failpoints.BadFailpointError):
        failpoints.arm(spec)
