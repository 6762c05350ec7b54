"""`python -m services.projections`."""

from services.projections.app import SERVICE, build_app
from services.projections.settings import Settings
from shared.plumbing.server import run

if __name__ == "__main__":
    settings = Settings()
    run(build_app(settings), settings, SERVICE)
