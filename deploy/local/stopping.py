"""How does a run end from outside? Asked to stop; or stopped and forgotten."""

import shutil

from deploy.local.locking import stop_supervisor
from deploy.local.owner import far_home
from deploy.local.places import default_places


def stop() -> str:
    """End what `run` started; what happened."""
    return "stopped" if stop_supervisor(default_places()) else "nothing was running"


def reset() -> str:
    """End it, and delete the run folder and the database's data, wherever it had to lie."""
    places = default_places()
    stop_supervisor(places)
    for folder in (places.run, far_home(places.run / "postgres")):
        shutil.rmtree(folder, ignore_errors=True)
    return f"forgot {places.run}"
