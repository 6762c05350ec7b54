"""How is the simulator set up? By environment variables, the same names as `.run/guiche.env`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.simulator.shapes import Number


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is fixed while the simulator runs."""

    numbers: tuple[Number, ...]  # the first is the one that `POST /control/customers` writes to
    bot_number: str = ""  # the phone_number_id that a bot answers: customers tap and type there
    webhooks: tuple[str, ...] = ()  # where to deliver, in turn; none: nothing leaves
    app_secret: str = ""
    verify_token: str = ""
    access_tokens: Mapping[str, str] | None = None  # token to number, or to "" for all; None: any
    host: str = "127.0.0.1"
    port: int = 0
    simulate: bool = False
    seed: str = "1"
    rate: float = 0.5  # webhooks per second by scripted customers
    customers: int = 200  # of the script; then they begin again
    ledger_cap: int = 200_000  # requests, and items of webhooks, that are remembered
    state_file: str = ""  # open windows survive a restart here; empty: they do not


_DEFAULTS = Settings(numbers=())


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the environment; what is missing has the default of `Settings`."""

    def given(name: str, default: object) -> str:
        return environment.get(name) or str(default)

    return Settings(
        numbers=_numbers(environment),
        bot_number=given("GUICHE_BOT_PHONE_NUMBER_ID", ""),
        webhooks=tuple(_parts(given("GUICHE_WEBHOOK", ""))),
        app_secret=given("GUICHE_APP_SECRET", ""),
        verify_token=given("GUICHE_VERIFY_TOKEN", ""),
        access_tokens=_tokens(given("SIMULATOR_ACCESS_TOKENS", "")),
        host=given("SIMULATOR_HOST", _DEFAULTS.host),
        port=int(given("SIMULATOR_PORT", _DEFAULTS.port)),
        simulate=given("GUICHE_SIMULATE", "1") != "0",
        seed=given("GUICHE_SIMULATOR_SEED", _DEFAULTS.seed),
        rate=float(given("GUICHE_SIMULATOR_RATE", _DEFAULTS.rate)),
        customers=int(given("SIMULATOR_CUSTOMERS", _DEFAULTS.customers)),
        ledger_cap=int(given("SIMULATOR_LEDGER_CAP", _DEFAULTS.ledger_cap)),
        state_file=given("SIMULATOR_STATE_FILE", ""),
    )


def _numbers(environment: Mapping[str, str]) -> tuple[Number, ...]:
    waba = environment.get("GUICHE_WABA_ID") or "100000000000001"
    first = environment.get("GUICHE_PHONE_NUMBER_ID") or "200000000000001"
    display = environment.get("GUICHE_DISPLAY_PHONE") or "5511940000001"
    second = environment.get("GUICHE_BOT_PHONE_NUMBER_ID")
    numbers = (Number(first, display, waba),)
    return (*numbers, Number(second, _next_phone(display), waba)) if second else numbers


def _next_phone(display: str) -> str:
    """A made-up phone for the second number, which has no variable of its own."""
    digits = "".join(character for character in display if character.isdigit())
    return str(int(digits) + 1) if digits else display


def _tokens(text: str) -> dict[str, str] | None:
    """`number=token` binds a token to a number; a bare token is good for every number."""
    tokens: dict[str, str] = {}
    for entry in _parts(text):
        number, equals, token = entry.partition("=")
        bound = bool(equals) and number.isdigit()
        tokens[token if bound else entry] = number if bound else ""
    return tokens or None


def _parts(text: str) -> Iterator[str]:
    return filter(None, (part.strip() for part in text.split(",")))
