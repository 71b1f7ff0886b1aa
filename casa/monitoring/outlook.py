"""How the houses of these hours look beside the reference: those of this process, and of all that store theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from casa.monitoring.alarm import MIN_ROWS, SPAN, Alarm
from casa.monitoring.answers import Answered
from casa.monitoring.drift import estimate_rmse
from casa.monitoring.priced import join
from casa.monitoring.reference import Reference
from casa.monitoring.report import report
from casa.monitoring.window import Window

Windows = Mapping[datetime, Window]
"""Windows by the beginning of their hour, in UTC."""

KEPT = timedelta(days=30)
"""How far back hours are known."""
SETTLING = timedelta(minutes=1)
"""How long an hour that has ended is waited for: replicas store theirs every few seconds."""


class Outlook:
    """Drift as it is known here, a watcher of finished calls.

    It is a function of the hours alone: replicas that know the same hours say the same, and so does a new start.
    One thread may `watch` while another one lets it `learn`.
    """

    def __init__(self, reference: Reference, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.reference = reference
        self.alarm = Alarm(reference, now=now())
        self._now = now
        self._own: dict[datetime, Window] = {}
        self._others: Windows = {}
        self._heard: list[tuple[datetime, int]] = []  # the hours that the alarm knows, with their rows

    def watch(self, answered: Sequence[Answered], *, lost: int) -> None:  # noqa: ARG002 - what is lost has no house
        """Count the houses that were priced. They count for the hour of the last: many counts make a second."""
        if priced := [one.priced for one in answered if one.priced.rows]:
            hour = hour_of(datetime.fromtimestamp(answered[-1].at, UTC))
            window = self.reference.count(*join(priced))
            self._own[hour] = self._own.get(hour, self.reference.nothing) + window

    def learn(self, others: Windows) -> None:
        """Take in the hours of all other processes, and let the alarm hear of what has ended since."""
        self._others = others
        self._forget()
        settled = list(self._settled())
        heard = [(hour, window.rows) for hour, window in settled]
        if heard != self._heard:
            self.alarm, self._heard = self._replay(settled), heard

    @property
    def own(self) -> Windows:
        """The hours of this process."""
        return dict(self._own)  # the other thread may be adding one

    @property
    def window(self) -> Window:
        """The rows that figures are of: of the last hour, and of as many before as it takes to hold 200."""
        window = self.reference.nothing
        for hour, rows in self._hours(newest_first=True):
            if window.rows >= MIN_ROWS and hour + SPAN <= self._now() - SPAN:
                break
            window += rows
        return window

    @property
    def estimated_rmse(self) -> float | None:
        """The RMSE that the intervals of these houses promise; None while they are too few."""
        window = self.window
        return estimate_rmse(self.reference, window) if window.rows >= MIN_ROWS else None

    def report(self) -> dict[str, Any]:
        """The answer of `GET /drift` as plain JSON values."""
        return report(self.reference, self.window, self.alarm)

    def _hours(self, *, newest_first: bool = False) -> Iterator[tuple[datetime, Window]]:
        own, others, nothing = self.own, self._others, self.reference.nothing
        for hour in sorted({*own, *others}, reverse=newest_first):
            yield hour, own.get(hour, nothing) + others.get(hour, nothing)

    def _settled(self) -> Iterator[tuple[datetime, Window]]:
        latest = self._now() - SPAN - SETTLING
        return ((hour, window) for hour, window in self._hours() if hour <= latest)

    def _replay(self, settled: Sequence[tuple[datetime, Window]]) -> Alarm:
        alarm = Alarm(self.reference, now=settled[0][0] if settled else self._now())
        for hour, window in settled:
            alarm.add(window, now=hour + SPAN)
        return alarm

    def _forget(self) -> None:
        oldest = self._now() - KEPT
        for hour in [hour for hour in self.own if hour < oldest]:
            del self._own[hour]


def hour_of(moment: datetime) -> datetime:
    """When this moment's hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)
