"""The service as a process of its own, over a test's servers; a failpoint kills it."""

from services.tickets.app import SERVICE, build_app
from services.tickets.settings import Settings
from shared.plumbing.server import run
from tests.tickets.adapters.serving import given_secrets

if __name__ == "__main__":
    settings = Settings()
    run(build_app(settings, fetch_secrets=given_secrets), settings, SERVICE)
