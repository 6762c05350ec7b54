"""The partition of a key, as Kafka's default partitioner has it (murmur2)."""

from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2

_KEYS: Final = 65_536  # a key comes again soon: murmur2 in Python costs 7 us


@lru_cache(maxsize=_KEYS)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key on a topic with so many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
