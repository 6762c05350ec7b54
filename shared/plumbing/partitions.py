"""On which partition does a key lie? As Kafka's default partitioner says (murmur2)."""

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key on a topic with so many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
