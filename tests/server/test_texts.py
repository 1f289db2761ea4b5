"""Everything a page can say, it can say in German."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from finops_pack import alerts, forensics, levers, query, trend, waste
from finops_pack.cache import CAUSES
from finops_pack.ledger import open_ledger
from finops_pack.model import DayTotals, Totals
from finops_pack.server import chrome, german, pages, texts

SERVER = Path(texts.__file__).parent
LITERAL = re.compile(r"""(?:\b_|\bsay)\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*[,)]""")


def said():
    """Every literal that a template or a module asks a translation of."""
    for path in (*SERVER.glob("templates/*.html"), *SERVER.glob("*.py")):
        for double, single in LITERAL.findall(path.read_text()):
            yield double or single


def test_every_text_has_its_german():
    found = set(said())
    assert len(found) > 80
    found |= set(pages.PROBLEMS.values())
    found |= {label for _, label in chrome.ACCOUNT_TABS + chrome.LOCAL_TABS}
    found |= {*texts.ENGLISH, *CAUSES, "low", "medium", "high", "critical"}
    found |= {
        importlib.import_module(f"finops_pack.waste.{m.name}").CATEGORY
        for m in pkgutil.iter_modules(waste.__path__)
        if not m.name.startswith("_")
    }
    found |= {"Cost per task", "Cost per request", "succeeded", "failed", "estimated", "unknown"}
    assert sorted(found - german.WORDS.keys()) == []


def test_german_keeps_the_places_of_values():
    for english, words in german.WORDS.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", words))


def words(text):
    """The text without its dates, which pages write as people do."""
    return re.sub(r"\d{4}-\d\d-\d\d|\d+ [A-Z][a-z]{2} \d{4}", "", text)


def test_dates_and_fractions_are_written_as_people_do():
    anomaly = "2026-02-07 cost $12.50, 3.7 times the usual $3.40 a day (median of 28 days)."
    assert texts.sentence(anomaly, "en").startswith("7 Feb 2026 cost $12.50, 3.7 times")
    assert texts.sentence(anomaly, "de").startswith(
        "07.02.2026 kostete 12,50\u00a0$, das 3,7-Fache"
    )
    whole = anomaly.replace("$12.50", "$1,900")
    assert texts.sentence(whole, "de").startswith("07.02.2026 kostete 1.900\u00a0$, das 3,7-Fache")
    model = "No price is known for gpt-4o-2024-11-20: the cost is missing from every figure. "
    assert "gpt-4o-2024-11-20" in texts.sentence(model + "Mend: x", "en")


def day(number, usd, **fields):
    return DayTotals(f"2026-02-{number:02d}", Totals(usd=Decimal(usd)), **fields)


@pytest.fixture
def raised():
    """One alert of every type, as the analysis words them."""
    today = date(2026, 2, 28)
    days = [day(n, 10, score=90.0) for n in range(10, 27)]
    days.append(day(27, 90, score=60.0, cache_write_usd_share=Decimal("0.5")))
    days.append(day(28, 5, unpriced_models=("my-llama",)))
    more = {"last_reports": {"laptop": "2026-02-01"}}
    warned = alerts.from_days(days, today=today, monthly_budget=Decimal(300), **more)
    exceeded = alerts.from_days(days, today=today, monthly_budget=Decimal(20))
    return [*warned, *exceeded]


def test_every_alert_of_a_ledger_has_its_german():
    cheap = [alerts.TaskCost(f"2026-02-{n:02d}", f"t{n}", Decimal("0.2")) for n in range(1, 27)]
    dear = [alerts.TaskCost("2026-02-27", f"d{n}", Decimal("0.4")) for n in range(25)]
    far = alerts.TaskCost("2026-02-28", "ticket 7", Decimal("1234.5"))
    raised = alerts.from_days([], today=date(2026, 2, 28), tasks=[*cheap, *dear, far])
    said = [(texts.sentence(a.title, "de"), texts.sentence(a.message, "de")) for a in raised]
    assert said == [
        (
            "Aufgaben sind teurer geworden",
            "Aufgaben am 27.02.2026 kosteten je 0,40\u00a0$, +100 % gegenüber den 28 Tagen davor "
            "(n = 25).",
        ),
        (
            "Eine Aufgabe kostete weit mehr als üblich",
            "Aufgabe ticket 7 kostete 1.234,50\u00a0$; 95 % der Aufgaben kosten weniger als "
            "0,20\u00a0$. Mehr: finops task 'ticket 7' --why",
        ),
    ]


def test_every_alert_of_a_budget_has_its_german(empty_home, tmp_path):
    path = str(tmp_path / "ledger.db")
    ledger = open_ledger(path)
    now = time.time_ns() // 1000
    ledger.book([{"type": "call", "id": "a", "start_us": now, "model": "gpt-4o",
                  "input_tokens": 9, "cost_pico": 9 * 10**11, "cost_state": "priced"}])  # fmt: skip
    for window, limit in (("day", "1"), ("week", "0.5")):
        ledger.put("budget", f"{window}:everything", {"limit_usd": limit, "window": window})
    ledger.close()
    with query.open(path) as reader:
        raised = reader.alerts()
    said = {texts.sentence(alert.title, "de") for alert in raised}
    assert said == {"Budget zu 90 % verbraucht: 1 USD/day", "Budget aufgebraucht: 0.5 USD/week"}
    for alert in raised:
        assert texts.sentence(alert.message, "de").startswith("0,90\u00a0$ verbraucht")


def test_every_alert_of_a_server_has_its_german(raised):
    kinds = {alert.alert_type for alert in raised}
    assert kinds == {
        "budget_warning", "budget_exceeded", "cost_anomaly", "efficiency_drop",
        "cache_write_share", "unpriced_models", "report_missing",
    }  # fmt: skip
    for alert in raised:
        for text in (alert.title, alert.message):
            assert texts.sentence(text, "de") != text
            assert words(texts.sentence(text, "en")) == words(text)


def literals(package, wanted):
    """String literals that `wanted` picks from the calls in a package's modules."""
    for path in Path(package.__file__).parent.glob("[a-z]*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                for value in wanted(node):
                    if isinstance(value, ast.Constant):
                        yield value.value


def test_every_lever_and_every_mend_of_a_failure_has_its_german():
    def title(call):
        place = {"lever": 1, "on_model": 3}.get(getattr(call.func, "attr", ""))
        return call.args[place : place + 1] if place else ()

    def mend(call):
        return [word.value for word in call.keywords if word.arg == "mend"]

    found = {*literals(levers, title), *literals(forensics, mend)}
    assert len(found) >= 12
    assert sorted(found - german.WORDS.keys()) == []


@pytest.mark.parametrize(
    ("english", "said"),
    [
        (
            "“step” (9659 calls, short answers) on gemini-2.5-flash-lite instead of "
            "gemini-3-pro-preview; check the quality first: about $35.30 a month less.",
            "9659 Aufrufe mit kurzen Antworten (step) auf gemini-2.5-flash-lite statt "
            "gemini-3-pro-preview; zuerst die Qualität prüfen: im Monat etwa 35,30\u00a0$ weniger.",
        ),
        (
            "4 calls of “read” wrote a cache that was never read; do not write it: about $1,818.27 "
            "a month less. Estimated from 1.7 days.",
            "Aufrufe von „read“, die einen Cache schrieben, den niemand las: 4; ohne ihn im Monat "
            "etwa 1.818,27\u00a0$ weniger. Geschätzt aus 1,7 Tagen.",
        ),
        (
            "1 call to gpt-4o paid for the whole context again after a pause; compress it while "
            "it is warm: about $0.013 a month less. Estimated from 89.3 days.",
            "Aufrufe von gpt-4o, die nach einer Pause den ganzen Kontext noch einmal zahlten: 1; "
            "ihn zu komprimieren, solange er warm ist, spart im Monat etwa 0,013\u00a0$. Geschätzt "
            "aus 89,3 Tagen.",
        ),
        (
            "1 session began cold while another with the same prefix was warm; continue there: "
            "about $2 a month less.",
            "Sitzungen, die kalt begannen, während eine andere mit demselben Anfang warm war: 1; "
            "dort weiterarbeiten: im Monat etwa 2\u00a0$ weniger.",
        ),
        (
            "The heartbeat runs every 5 min; let it run every 10 min: about $3.00 a month less. "
            "Estimated from 1 of the last 7 days.",
            "Der Heartbeat läuft alle 5 min; alle 10 min spart im Monat etwa 3,00\u00a0$. "
            "Geschätzt aus einem der letzten 7 Tage.",
        ),
        (
            "The heartbeat runs every 4.5 h; let it run every 9.0 h: about $18.48 a month less.",
            "Der Heartbeat läuft alle 4,5 h; alle 9,0 h spart im Monat etwa 18,48\u00a0$.",
        ),
        (
            "The heartbeat of “p 1” runs every 4.5 h; let it run every 9.0 h: about $18.48 a month "
            "less.",
            "Der Heartbeat von „p 1“ läuft alle 4,5 h; alle 9,0 h spart im Monat etwa "
            "18,48\u00a0$.",
        ),
        (
            "The heartbeat runs every 5 min; let it run every 10 min: about $3.00 a month less.",
            "Der Heartbeat läuft alle 5 min; alle 10 min spart im Monat etwa 3,00\u00a0$.",
        ),
        (
            "No price is known for a, b and 4 more: the cost is missing from every figure. "
            "Mend: finops rates alias a=KNOWN-MODEL",
            "Für a, b und 4 weitere ist kein Preis bekannt: die Kosten fehlen in jeder Zahl. "
            "Abhilfe: finops rates alias a=KNOWN-MODEL",
        ),
        (
            "1 call to gpt-4o, started by a clock, would cost less as a batch: about $1.21 a month "
            "less. Estimated from 6.4 days.",
            "Aufrufe von gpt-4o, die eine Uhr gestartet hat: 1; als Batch im Monat etwa "
            "1,21\u00a0$ weniger. Geschätzt aus 6,4 Tagen.",
        ),
        (
            "The heartbeat runs every 30 min; let it run every 1.0 h: about $2 a month less.",
            "Der Heartbeat läuft alle 30 min; alle 1,0 h spart im Monat etwa 2\u00a0$.",
        ),
        (
            "1 session on claude-sonnet-4-5 paused longer than the short cache lives; the "
            "one-hour cache there pays, premium included: about $3.50 a month less.",
            "Sitzungen auf claude-sonnet-4-5, die länger pausierten, als der kurze Cache lebt: 1; "
            "der Ein-Stunden-Cache lohnt sich dort samt Aufschlag: im Monat etwa 3,50\u00a0$ "
            "weniger.",
        ),
        (
            "This task cost 6.8× the usual because “bash” gave the same error 16 times",
            "Diese Aufgabe kostete das 6,8-Fache des Üblichen: „bash“ gab 16-mal denselben Fehler",
        ),
        (
            "call r/46: 66k new input tokens; the usual is 7,790 (n = 95)",
            "Aufruf r/46: 66k neue Input-Token; üblich sind 7.790 (n = 95)",
        ),
        (
            "insufficient data: 6 calls and $0.05; at least 20 calls and $0.10 are needed",
            "zu wenig Daten: 6 Aufrufe und 0,05\u00a0$; nötig sind mindestens 20 Aufrufe und "
            "0,10\u00a0$",
        ),
        (
            "insufficient data: 1 call and $0.05; at least 20 calls and $0.10 are needed",
            "zu wenig Daten: 1 Aufruf und 0,05\u00a0$; nötig sind mindestens 20 Aufrufe und "
            "0,10\u00a0$",
        ),
        (
            "no calls in this period (last 7d); the newest is of 2026-02-07 10:30 "
            "(finops spend --since 2026-02-07)",
            "keine Aufrufe in diesem Zeitraum; der neueste ist vom 07.02.2026, 10:30 "
            "(finops spend --since 2026-02-07)",
        ),
        (
            "two calls of “search” took turns 3 times",
            "zwei Aufrufe von „search“ wechselten sich 3-mal ab",
        ),
        (
            "This task cost 14.9× the usual because it made 80 tool calls (usually 5)",
            "Diese Aufgabe kostete das 14,9-Fache des Üblichen: es kam zu 80 Werkzeugaufrufen "
            "(üblich sind 5)",
        ),
        ("9 points a colder cache", "9 Punkte durch einen kälteren Cache"),
        ("-1 point a colder cache", "-1 Punkt durch einen kälteren Cache"),
    ],
)
def test_sentences_of_this_machine(english, said):
    assert texts.sentence(english, "de") == said


def test_every_cause_of_a_trend_has_its_german():
    causes = {cause for pair in trend.LABELS.values() for cause in pair}
    assert sorted(causes - german.WORDS.keys()) == []


def test_the_lever_of_a_server_has_its_german():
    days = [day(27, 100, cache_write_usd_share=Decimal("0.5"))]
    (lever,) = levers.from_days(days, today=date(2026, 2, 28))
    assert texts.sentence(lever.title, "de") == "Den Cache-Write-Anteil senken"
    message = texts.sentence(lever.message, "de")
    assert message != lever.message
    assert "\u00a0$" in message
