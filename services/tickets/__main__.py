"""`python -m services.tickets`."""

from services.tickets.app import SERVICE, build_app
from services.tickets.settings import Settings
from shared.plumbing.server import run

if __name__ == "__main__":
    settings = Settings()
    run(build_app(settings), settings, SERVICE)
