"""What the faces ask of reports: one ledger, its days, and where they are delivered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date as calendar
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from finops_pack import config, query
from finops_pack.errors import ConfigError, InputError, LedgerUnreachable
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
from finops_pack.query.period import zone_of
from finops_pack.report import advice, keys, outbox
from finops_pack.report.build import Day, Identity, compose, identity, read
from finops_pack.report.client import DEADLINE, Client
from finops_pack.report.delivery import Clock, Delivery, Sender
from finops_pack.report.due import Days, Due
from finops_pack.report.keys import Target
from finops_pack.report.model import DailyReport

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger


BOOKING = 30.0  # seconds: a day has all of its calls, or a server may never take the others


class NothingRecorded(InputError):
    """There is no call to report, or no ledger at all."""

    code = "nothing_recorded"


@contextmanager
def open_reports(
    ledger_url: str | None = None, *, target: Target | None = None, clock: Clock | None = None
) -> Iterator[Reports]:
    """The reports of a ledger, the one in force by default; closed at the end.

    Raises `NothingRecorded`, and makes no ledger where there is none.
    """
    url = ledger_url or config.load().ledger
    with query.open(url) as reader:  # books what lies in the spools
        if reader.span() is None:
            raise NothingRecorded(reader.nothing(), mend="see: finops doctor")
    ledger = open_ledger(url)
    try:
        yield Reports(ledger, target, clock or Clock(), ledger.drain(BOOKING))
    finally:
        ledger.close()


class Reports:
    """The daily reports of one ledger; dates are days of the ledger's zone."""

    def __init__(
        self, ledger: Ledger, target: Target | None, clock: Clock, waiting: int = 0
    ) -> None:
        self.waiting = waiting  # lines that were recorded and are not booked
        self._ledger = ledger
        self._given = target
        self._clock = clock

    @cached_property
    def target(self) -> Target:
        """Where reports go; raises `ConfigError` when the key cannot be used."""
        return self._given or keys.target()

    @cached_property
    def _who(self) -> Identity:
        return identity(self._ledger)

    @cached_property
    def dates(self) -> list[str]:
        """Every day with calls, oldest first."""
        return [day.date for day in self._ledger.days(Where()) if day.total.requests]

    @property
    def today(self) -> calendar:
        """The day that is not over yet."""
        return datetime.fromtimestamp(self._clock.now(), zone_of(self._ledger.time_zone)).date()

    def date(self, text: str) -> str:
        """`today`, `yesterday` or a date; raises `InputError` when it had no calls."""
        named = {"today": self.today, "yesterday": self.today - timedelta(days=1)}
        try:
            day = (named.get(text) or calendar.fromisoformat(text)).isoformat()
        except ValueError:
            raise InputError(f"--date {text}: must be YYYY-MM-DD, today or yesterday") from None
        if day not in self.dates and not self._told(day):
            raise InputError(f"no call was recorded on {day}; the newest is of {self.newest()}")
        return day

    def _told(self, day: str) -> bool:
        """Whether a day was sent somewhere, though it may have no call any more."""
        found = map(outbox.Entry.of, self._ledger.documents(outbox.KIND).values())
        return any(entry.told for entry in found if entry.date == day)

    def newest(self) -> str:
        """The newest day with calls; raises `NothingRecorded` when none is to be reported."""
        if not self.dates:
            said = "only calls of flat plans are recorded, and no report tells of them"
            see = "finops spend --billing subscription"
            raise NothingRecorded(f"{said}; see: {see}", mend=see)
        return self.dates[-1]

    def of(self, day: str) -> DailyReport:
        """The report of this day as it would be sent."""
        return self.with_figures(day)[0]

    def with_figures(self, day: str) -> tuple[DailyReport, Day]:
        """The report of this day, and what it was rounded from."""
        figures = read(self._ledger, day)
        return compose(figures, self._who), figures

    def state(self, day: str) -> str:
        """What became of the delivery of this day, in words."""
        try:
            url = self.target.url
        except ConfigError as error:
            return f"cannot be sent: {error}"
        return f"{url}: {advice.state(outbox.entries(self._ledger, url).get(day))}"

    def due(self, only: str | None = None) -> list[Due]:
        """What `send` would send now."""
        return self._sender(only).due()

    def send(self, only: str | None = None, *, deadline: float = DEADLINE) -> Delivery:
        """Deliver what is due, each day once; `only` is one date, today's included.

        `deadline` bounds one request, seconds. Without a key all that is due stays pending.
        Raises `LedgerUnreachable` while calls wait for the ledger: a day would lack them.
        """
        if self.waiting:
            said = f"nothing is sent while recorded lines wait for the ledger ({self.waiting:,})"
            raise LedgerUnreachable(said, mend="finops drain")
        sender = self._sender(only)
        if self.target.key is None:
            return sender.outcome()
        with Client(self.target.url, self.target.key, deadline=deadline) as client:
            return sender.run(client)

    def believe(self, day: str) -> Delivery:
        """Call this day delivered, since a person has seen it on the server; see `Sender`."""
        return self._sender(day).believe()

    def _sender(self, only: str | None) -> Sender:
        days = Days(self._ledger, self._who)
        return Sender(self._ledger, days, self.target, only=only, clock=self._clock)


def problems(ledger_url: str) -> list[dict[str, Any]]:
    """What `finops doctor` says of the outbox: url, date, status, reason, mend."""
    with query.open(ledger_url) as reader:
        return advice.problems(reader.documents(outbox.KIND).values())
