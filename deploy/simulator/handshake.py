"""Does the receiver answer for this address? The GET with the challenge (Cloud API 3.1)."""

import asyncio
import secrets

import aiohttp

from deploy.simulator.doors import Doors

_OK = 200


async def shake(session: aiohttp.ClientSession, url: str, verify_token: str) -> bool:
    """Ask once; true when the challenge came back as the plain body with 200."""
    challenge = str(secrets.randbelow(10**10))
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": verify_token,
    }
    try:
        async with session.get(url, params=query, allow_redirects=False) as answer:
            return answer.status == _OK and await answer.text() == challenge
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError):
        return False


async def until_shaken(doors: Doors, verify_token: str, longest_pause: float = 2) -> None:
    """Ask until the receiver is up and agrees, at whichever of its addresses."""
    pause = 0.1
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while not await shake(session, doors.next(), verify_token):
            await asyncio.sleep(pause)
            pause = min(longest_pause, pause * 2)
