"""Where are Kafka's jars? In the user's cache, downloaded once and compared with our sums."""

import fcntl
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.places import cache

KAFKA_VERSION: Final = "4.3.1"
_ENDPOINT: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:2.0.17"
_SUMS: Final = Path(__file__).with_name("kafka-jars.sha256")


class WrongJarsError(Exception):
    """What was downloaded is not what the sums in this repository say."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"jars of Kafka differ from kafka-jars.sha256: {', '.join(names)}")


def kafka_jars() -> Path:
    """The folder with all jars, whole and compared; raises WrongJarsError."""
    folder = cache() / f"kafka-{KAFKA_VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if differences(folder):
            _download(folder)
    wrong = differences(folder)
    if wrong:
        raise WrongJarsError(wrong)
    return folder


def differences(folder: Path) -> list[str]:
    """Names of jars that are missing, unknown or changed."""
    wanted, found = _wanted(), _found(folder)
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def _wanted() -> dict[str, str]:
    lines = (line.split() for line in _SUMS.read_text().splitlines())
    return {name: total for total, name in lines}


def _found(folder: Path) -> dict[str, str]:
    return {jar.name: _sum(jar) for jar in folder.glob("*.jar")}


def _sum(jar: Path) -> str:
    with jar.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(folder: Path) -> None:
    import jgo  # noqa: PLC0415  only the first start needs it

    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = jgo.build(_ENDPOINT, cache_dir=Path(scratch) / "jgo")
        whole = Path(scratch) / "jars"
        whole.mkdir()
        for jar in (*made.class_path_jars, *made.module_path_jars):
            shutil.copy(jar, whole / jar.name)
        shutil.rmtree(folder, ignore_errors=True)
        whole.rename(folder)
