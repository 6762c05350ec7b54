"""Read the seed: YAML whose values may name environment variables."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from services.directory.domain.seed import Declared, SeedError, declared

_WHOLE = ""  # no field of the file


def read(path: Path, variables: Mapping[str, str]) -> list[Declared]:
    """What a file declares; raises SeedError, which names the file and the field."""
    try:
        return declared(yaml.safe_load(path.read_bytes()), variables)
    except SeedError as error:
        raise error.of(str(path)) from None
    except OSError as error:
        raise SeedError(_WHOLE, error.strerror or "cannot be read", str(path)) from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        raise SeedError(line, error.problem or "is no YAML", str(path)) from error
    except yaml.YAMLError as error:
        raise SeedError(_WHOLE, "is no YAML", str(path)) from error
