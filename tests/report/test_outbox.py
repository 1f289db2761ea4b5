"""A day is claimed by one process, and a claim whose process died is seen as such."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from finops_pack.ledger import open_ledger
from finops_pack.report import outbox
from finops_pack.report.outbox import LEASE_SECONDS, Entry, entries, swap

URL, DAY = "https://finops.example", "2026-02-28"


def test_of_many_claims_one_wins(ledger_url: str) -> None:
    open_ledger(ledger_url).close()
    won: list[int] = []
    start = threading.Barrier(8)

    def claim(number: int) -> None:
        ledger = open_ledger(ledger_url)
        start.wait()
        if swap(ledger, None, Entry(URL, DAY, "sending", owner=str(number))):
            won.append(number)
        ledger.close()

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert entries(open_ledger(ledger_url), URL)[DAY].owner == str(won[0])


def test_a_swap_needs_the_entry_as_it_was_seen(ledger_url: str) -> None:
    ledger = open_ledger(ledger_url)
    first = Entry(URL, DAY, quiet_until=1_772_452_800.123456, before=7)
    assert swap(ledger, None, first)
    assert not swap(ledger, None, replace(first, attempts=1))
    assert not swap(ledger, replace(first, attempts=5), replace(first, attempts=6))
    assert swap(ledger, first, replace(first, state="sent"))
    assert entries(ledger, URL) == {DAY: replace(first, state="sent")}


def test_urls_have_outboxes_of_their_own(ledger_url: str) -> None:
    ledger = open_ledger(ledger_url)
    assert swap(ledger, None, Entry(URL, DAY))
    assert swap(ledger, None, Entry("http://127.0.0.1:8765", DAY))
    assert entries(ledger, URL) == {DAY: Entry(URL, DAY)}


def claimed(owner: str) -> Entry:
    return Entry(URL, DAY, "sending", owner=owner, tried_at=1000.0)


def test_a_living_process_holds_its_claim_until_the_lease_ends() -> None:
    mine = claimed(outbox.owner())
    assert mine.held(1001.0)
    assert not mine.held(1000.0 + LEASE_SECONDS)
    assert not replace(mine, state="pending").held(1001.0)


def test_a_dead_process_holds_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    machine, _, nonce = outbox.owner().rsplit("/", 2)
    its = claimed(f"{machine}/{child.pid}/{nonce}")
    assert its.held(1001.0)
    child.communicate(b"\n")
    assert not its.held(1001.0)


def test_somebody_elses_process_with_our_number_is_not_us() -> None:
    machine, _, _ = outbox.owner().rsplit("/", 2)
    assert not claimed(f"{machine}/{os.getpid()}/other").held(1001.0)


@pytest.mark.parametrize("owner", ["elsewhere/1/a", "", "garbage", "a/b/c/d"])
def test_what_cannot_be_seen_is_taken_to_live(owner: str) -> None:
    assert claimed(owner).held(1001.0)
