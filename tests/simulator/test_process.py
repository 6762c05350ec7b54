"""Does `python -m deploy.simulator` run as the local stack starts it?"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.simulator.conftest import a_text
from tests.simulator.receiver import SECRET, TOKEN, Receiver
from tests.support.waiting import until_ready

ANA = "5511988887777"
Starter = Callable[..., Any]


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def process(receiver: Receiver, tmp_path: Path) -> AsyncIterator[Starter]:
    started: list[asyncio.subprocess.Process] = []
    port = a_free_port()

    async def start(**more: str) -> tuple[asyncio.subprocess.Process, str]:
        environment = {
            **os.environ,
            "SIMULATOR_PORT": str(port),
            "GUICHE_WEBHOOK": receiver.url,
            "GUICHE_APP_SECRET": SECRET,
            "GUICHE_VERIFY_TOKEN": TOKEN,
            "GUICHE_PHONE_NUMBER_ID": "111",
            "GUICHE_BOT_PHONE_NUMBER_ID": "222",
            "GUICHE_SIMULATE": "0",
            "SIMULATOR_ACCESS_TOKENS": "111=first,222=second",
            "SIMULATOR_STATE_FILE": str(tmp_path / "windows.json"),
            **more,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.simulator", env=environment, cwd=Path(__file__).parents[2]
        )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        await until_ready(url)
        return process, url

    yield start
    for process in started:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def send(url: str, number: str, token: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{url}/v26.0/{number}/messages",
            json=a_text(ANA),
            headers={"Authorization": f"Bearer {token}"},
        ) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def test_nothing_is_delivered_before_the_handshake_succeeds(
    receiver: Receiver, process: Starter
) -> None:
    receiver.refuse_handshakes = 3
    await process(GUICHE_SIMULATE="1", GUICHE_SIMULATOR_RATE="50")
    await receiver.until(lambda: len(receiver.messages()) >= 20)
    assert receiver.handshakes == 4
    assert receiver.bad_signatures == 0
    numbers = {value["metadata"]["phone_number_id"] for value in receiver.values()}
    assert numbers == {"111", "222"}


async def test_tokens_are_good_for_their_number_and_windows_outlive_the_process(
    receiver: Receiver, process: Starter
) -> None:
    first, url = await process()
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/control/customers/{ANA}/messages", json={"text": "oi"}) as answer,
    ):
        assert answer.status == 202
    await receiver.until(lambda: bool(receiver.messages()))
    assert (await send(url, "111", "first"))[0] == 200
    status, refused = await send(url, "111", "second")
    assert (status, refused["error"]["code"]) == (401, 190)
    first.send_signal(signal.SIGTERM)
    assert await first.wait() == 0
    _, url = await process()
    assert (await send(url, "111", "first"))[0] == 200
