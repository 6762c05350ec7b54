"""How is the seed read? YAML whose values may name environment variables."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from services.directory.domain.seed import Seed, with_variables


def read(path: Path, variables: Mapping[str, str]) -> Seed:
    """The seed of a file; raises pydantic.ValidationError or SeedError, both name the field."""
    return Seed.model_validate(with_variables(yaml.safe_load(path.read_bytes()), variables))
