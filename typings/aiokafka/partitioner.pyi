from typing import TypeVar

P = TypeVar("P")

class DefaultPartitioner:
    def __call__(self, key: bytes, all_partitions: list[P], available: list[P]) -> P: ...

def murmur2(data: bytes) -> int: ...
