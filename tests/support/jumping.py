"""A service as a process whose wall clock jumps: SIGUSR1 sets it ten minutes ahead, SIGUSR2 back.

As libfaketime would, but without a library of the machine: `time_machine` moves what Python reads
as the time of day. The monotonic clock goes on, as it does on a machine.
"""

import runpy
import signal
import sys
from datetime import timedelta
from typing import Final

import time_machine

JUMP: Final = timedelta(minutes=10)
AHEAD: Final = signal.SIGUSR1
BACK: Final = signal.SIGUSR2


def _main(module: str) -> None:
    wall = time_machine.travel(timedelta(0), tick=True).start()

    def shift(number: int, _: object) -> None:
        wall.shift(JUMP if number == AHEAD else -JUMP)

    signal.signal(AHEAD, shift)
    signal.signal(BACK, shift)
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    _main(sys.argv[1])
