"""What we log disturbs neither the host's logging nor its forks."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from finops_pack import log
from finops_pack.errors import ConfigError

FORKS = """
import logging, os, sys, threading, time
from finops_pack import log

class Slow(logging.Handler):
    held = threading.Lock()  # as the buffer of sys.stderr: nobody makes it anew in a child
    def emit(self, record):
        with self.held:
            time.sleep(0.05)

logging.getLogger("finops_pack").addHandler(Slow())
log.warning("the first")
threading.Thread(target=log.warning, args=("while the host forks",)).start()
time.sleep(0.01)
child = os.fork()
if not child:
    os._exit(0 if Slow.held.acquire(timeout=1) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_until_we_have_logged() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", FORKS], cwd=root, timeout=30)
    assert done.returncode == 0


ENDS = """
import atexit, io, sys, threading, time
from finops_pack import log

atexit.register(time.sleep, 0.25)  # as the recorder takes its time, after logging has closed

class Slow(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        time.sleep(0.1)
        return len(data)

def tell():
    while True:
        log.warning("while the host ends")

sys.stderr = io.TextIOWrapper(io.BufferedWriter(Slow()))
threading.Thread(target=tell, daemon=True).start()
time.sleep(0.05)
"""


def test_the_end_waits_until_we_have_logged() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", ENDS], cwd=root, timeout=30)
    assert done.returncode == 0


def test_a_broken_handler_is_the_hosts_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            asked.append(record.getMessage())
            raise RuntimeError("broken")

    logger = logging.getLogger("finops_pack")
    monkeypatch.setattr(logger, "handlers", [Broken()])
    log.warning("nobody hears this")
    assert asked == ["finops: nobody hears this"]


def test_level_and_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="finops_pack")
    log.info("said")
    log.warning("warned", ConfigError("why"))
    assert [(r.name, r.levelname, r.message) for r in caplog.records] == [
        ("finops_pack", "INFO", "finops: said"),
        ("finops_pack", "WARNING", "finops: warned\nConfigError: why"),
    ]


def test_no_text_of_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    text = "".join(("SE", "CRET"))  # the lines of code are logged

    def read(answer: str) -> None:
        raise KeyError(answer)

    try:
        try:
            raise RuntimeError(f"400: you said {text}")
        except RuntimeError:
            read(text)
    except KeyError as error:
        log.warning("failed", error)
    (record,) = caplog.records
    assert record.exc_info is None  # of which some handlers print the variables
    assert text not in caplog.text
    assert "in read\n    raise KeyError(answer)\n" in caplog.text
    assert caplog.text.endswith("\nKeyError\n")


def test_the_systems_own_word_for_an_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    log.warning("failed", OSError(28, "No space left on device", "/a/file"))
    assert caplog.messages == ["finops: failed\nOSError: No space left on device"]


def test_an_error_that_cannot_be_told_is_the_hosts_affair() -> None:
    class Broken(AttributeError):
        def __str__(self) -> str:
            raise RuntimeError("broken")

    log.warning("failed", Broken())


def test_many_threads_and_forks_end() -> None:
    threads = [threading.Thread(target=log.warning, args=(f"{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
