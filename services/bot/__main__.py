"""`python -m services.bot`."""

from services.bot.app import SERVICE, build_app
from services.bot.settings import Settings
from shared.plumbing.server import run

if __name__ == "__main__":
    settings = Settings()
    run(build_app(settings), settings, SERVICE)
