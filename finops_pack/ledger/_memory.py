"""Records that no folder takes: kept in memory up to a bound, until one does."""

from __future__ import annotations

from collections import deque

LIMIT_BYTES = 8 << 20


class Memory:
    """A bounded queue of records, oldest first; a signal handler may add at any moment."""

    def __init__(self) -> None:
        self._records: deque[bytes] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._records)

    def add(self, record: bytes) -> bool:
        """Keep one more; False when there is no room."""
        if self._bytes + len(record) > LIMIT_BYTES:
            return False
        self._records.append(record)
        self._bytes += len(record)
        return True

    def take_all(self) -> list[bytes]:
        """Everything, out of memory; what comes meanwhile stays for the next time."""
        taken, self._records = self._records, deque()
        self._bytes = 0
        return list(taken)

    def put_back(self, records: list[bytes]) -> None:
        """What was taken and found no other place; it was admitted once."""
        self._records.extendleft(reversed(records))
        self._bytes += sum(map(len, records))
