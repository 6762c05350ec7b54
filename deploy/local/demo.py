"""Who is in the demo account, and with which secrets? Names from demo.yaml, secrets from `.run`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.local.kept import kept
from deploy.local.places import Places

SEED: Final = Path(__file__).with_name("demo.yaml")
_SECRETS: Final = (
    "GUICHE_APP_SECRET",
    "GUICHE_VERIFY_TOKEN",
    "GUICHE_PASSWORD",
    "DEMO_ACCESS_TOKEN_1",
    "DEMO_ACCESS_TOKEN_2",
)


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo's environment variables say."""

    public: Mapping[str, str]  # for `.run/guiche.env`
    seed: Mapping[str, str]  # what demo.yaml names
    access_tokens: str  # number=token, by comma


def load_demo(places: Places) -> Demo:
    """Read the seed, and make the secrets that this run does not have yet."""
    account = yaml.safe_load(SEED.read_text())["accounts"][0]
    secret = {name: kept(places.keys / "demo" / name) for name in _SECRETS}
    first, second = account["connections"]
    logins = _logins(account["agents"])
    return Demo(
        public={
            "GUICHE_APP_SECRET": secret["GUICHE_APP_SECRET"],
            "GUICHE_VERIFY_TOKEN": secret["GUICHE_VERIFY_TOKEN"],
            "GUICHE_WABA_ID": first["waba_id"],
            "GUICHE_PHONE_NUMBER_ID": first["phone_number_id"],
            "GUICHE_DISPLAY_PHONE": first["display_phone"],
            "GUICHE_BOT_PHONE_NUMBER_ID": second["phone_number_id"],
            "GUICHE_ADMIN_LOGIN": logins["admin"][0],
            "GUICHE_AGENT_LOGINS": ",".join(logins["agent"]),
            "GUICHE_PASSWORD": secret["GUICHE_PASSWORD"],
        },
        seed=secret,
        access_tokens=",".join(
            f"{number['phone_number_id']}={secret[name]}"
            for number, name in ((first, _SECRETS[-2]), (second, _SECRETS[-1]))
        ),
    )


def _logins(agents: list[dict[str, Any]]) -> dict[str, list[str]]:
    admins = [agent["login"] for agent in agents if "admin" in agent["roles"]]
    others = [agent["login"] for agent in agents if "admin" not in agent["roles"]]
    return {"admin": admins, "agent": others}
