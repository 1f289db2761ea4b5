"""Limits: failed sign-ins, counted in the store; requests a key, counted in this process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network

from finops_pack.server import clock, crypto
from finops_pack.server.stores import Database

WINDOW = timedelta(minutes=15)
TRIES_PER_PAIR = 5
TRIES_PER_ADDRESS = 30
TRIES_PER_EMAIL = 100


def _buckets(email: str, address: str) -> dict[str, int]:
    """What a try counts against, in this order, until one is full."""
    name, place = crypto.fingerprint(email.strip().lower()), _place(address)
    return {
        f"address:{place}": TRIES_PER_ADDRESS,
        f"pair:{name}:{place}": TRIES_PER_PAIR,
        f"email:{name}": TRIES_PER_EMAIL,
    }


def _place(address: str) -> str:
    """The network of an IPv6 address: whoever has one of them has 2^64."""
    try:
        found = IPv6Address(address)
        mapped = found.ipv4_mapped
        return str(mapped or IPv6Network((int(found), 64), strict=False))
    except ValueError:
        return address


def try_sign_in(db: Database, email: str, address: str) -> int:
    """Count a try before the password is looked at; the seconds to wait, 0 when it may go on."""
    now = clock.now()
    start = clock.stamp(now - WINDOW)
    with db.write() as t:
        t.run("DELETE FROM failure WHERE since < ?", (start,))
        for bucket, most in _buckets(email, address).items():
            row = t.run(
                "INSERT INTO failure (bucket, count, since) VALUES (?, 1, ?) ON CONFLICT (bucket)"
                " DO UPDATE SET count = failure.count + 1 RETURNING count, since",
                (bucket, clock.stamp(now)),
            )[0]
            if row["count"] > most:
                ends = clock.parse(row["since"]) + WINDOW
                # Whoever is refused writes no further row: a flood of names would fill the store.
                return max(math.ceil((ends - now).total_seconds()), 1)
    return 0


def signed_in(db: Database, email: str, address: str) -> None:
    """A right password: forget the pair's failures, take back the try counted elsewhere."""
    place, pair, name = _buckets(email, address)
    with db.write() as t:  # in the order of a try: else the two wait for each other
        t.run("UPDATE failure SET count = count - 1 WHERE bucket = ?", (place,))
        t.run("DELETE FROM failure WHERE bucket = ?", (pair,))
        t.run("UPDATE failure SET count = count - 1 WHERE bucket = ?", (name,))


class Rate:
    """A token bucket a name: `burst` at once, then `per_second`; forgets who is idle."""

    _KEEP = 10_000

    def __init__(
        self,
        per_second: float = 20.0,
        burst: int = 200,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._timer = timer
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}  # name -> (tokens left, at)

    def take(self, name: str, cost: float = 1.0) -> int:
        """Take `cost` of a token; the seconds to wait when there is not as much, else 0."""
        now = self._timer()
        with self._lock:
            left, at = self._levels.pop(name, (float(self._burst), now))
            left = min(self._burst, left + (now - at) * self._per_second)
            allowed = left >= cost
            self._levels[name] = (left - cost if allowed else left, now)
            if len(self._levels) > self._KEEP:
                del self._levels[next(iter(self._levels))]  # the one that was idle longest
        return 0 if allowed else math.ceil((cost - left) / self._per_second)
