"""The dashboard in a real browser: from sign-in to figures to a revoked key, in two languages.

Screenshots are kept in `test-output/`.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from finops_pack.ledger import open_ledger
from finops_pack.report.client import Client
from finops_pack.report.keys import Secret
from finops_pack.report.model import parse
from finops_pack.server.local import create_local
from tests.server.conftest import PASSWORD, listening

OUTPUT = Path(__file__).parents[2] / "test-output"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Watched:
    """A page, and everything it complained about or asked another host for."""

    page: object
    base: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _asked(self, request):
        if not request.url.startswith((self.base, "data:")):
            self.faults.append(f"another host: {request.url}")

    def shot(self, name):
        OUTPUT.mkdir(exist_ok=True)
        self.page.screenshot(path=OUTPUT / f"dashboard-{name}.png", full_page=True)

    def fits(self):
        """Whether nothing stands out of the window on the right."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "CI needs Chromium: apt-get install chromium"
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


def opened(browser, live, **options):
    context = browser.new_context(base_url=live.url, **options)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Watched(context.new_page(), live.url)


def sign_in(page, label, button):
    page.goto("/")
    page.get_by_label(label).fill("me@acme.test")
    page.get_by_label("Pass").fill(PASSWORD)
    page.get_by_role("button", name=button).click()


def report(day, usd):
    """A report as our own client makes them."""
    return parse(
        {
            "date": day,
            "total_tokens": 1_842_000,
            "total_cost": usd,
            "total_requests": 312,
            "cost_by_model": {"gpt-4o": usd},
            "cost_by_action": {"code_generation": usd},
            "waste_categories": {"retries": usd / 10},
            "efficiency_score": 90,
            "metadata": {
                "reporter": "led_1",
                "coverage": {"priced_requests": 312, "estimated_requests": 0},
                "cache": {"hit_rate": 0.7, "write_share_usd": 0.4, "cold_calls": {"first": 2}},
            },
        }
    )


def send(live, key):
    """A fortnight of reports, sent by our own client."""
    today = datetime.now(UTC).date()
    with Client(live.url, Secret(key)) as client:
        for back in range(14):
            day = report((today - timedelta(days=back)).isoformat(), 10 + back)
            reply = client.send(day.text(), f"led_1:{day.date}:{day.content_hash}")
            assert reply.kind == "ok"


def test_from_sign_in_to_a_revoked_key(browser, live):
    seen = opened(browser, live, locale="en-GB", viewport={"width": 1280, "height": 900})
    page = seen.page
    sign_in(page, "E-mail address", "Sign in")
    assert page.get_by_text("import finops_pack.auto").is_visible()
    seen.shot("start")
    page.get_by_role("link", name="Register a key").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Register a key").click()
    key = page.locator(".command code").inner_text()
    page.get_by_role("button", name="Copy the key").click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    send(live, key)

    page.get_by_role("link", name="Overview").click()
    assert page.get_by_text("$10.00").first.is_visible()
    page.locator("#spend .bars").first.wait_for()
    bars = page.locator("#spend .bars .point").count()
    assert bars == 28  # useful and wasted of 14 days
    page.get_by_text("Model", exact=True).click()
    page.locator("#spend .legendtext", has_text="gpt-4o").wait_for()
    seen.shot("overview")
    page.get_by_role("link", name="Costs").click()
    assert page.get_by_text("above 30%").is_visible()
    page.locator("#writes .scatterlayer").wait_for()
    seen.shot("costs")
    page.get_by_role("link", name="Levers").click()
    assert page.get_by_text("Lower the share of cache writes").is_visible()

    page.get_by_role("link", name="Keys").click()
    row = page.get_by_role("row", name="laptop")
    row.get_by_text("Revoke", exact=True).click()
    row.get_by_role("button", name="Yes, revoke laptop").click()
    page.get_by_role("row", name="laptop").wait_for(state="detached")
    with Client(live.url, Secret(key)) as client:
        day = report(datetime.now(UTC).date().isoformat(), 5)
        assert client.send(day.text(), "k").status == 401
    assert seen.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_german_on_a_telephone(browser, live, scheme):
    send(live, live.key)
    seen = opened(
        browser,
        live,
        locale="de-AT",
        color_scheme=scheme,
        viewport={"width": 390, "height": 844},
        has_touch=True,
    )
    page = seen.page
    sign_in(page, "E-Mail-Adresse", "Anmelden")
    page.locator("#spend .bars").first.wait_for()
    assert page.get_by_role("heading", name="Dieser Monat").is_visible()
    for tab in ("Kosten", "Optimierungen", "Warnungen", "Schlüssel", "Einstellungen"):
        page.get_by_role("link", name=tab).click()
        page.get_by_role("heading", level=1).wait_for()
        assert seen.fits(), tab
    page.get_by_role("link", name="Übersicht").click()
    page.locator("#spend .bars").first.wait_for()
    assert seen.fits()
    seen.shot(f"phone-de-{scheme}")
    assert seen.faults == []


def test_by_keyboard_alone(browser, live):
    send(live, live.key)
    seen = opened(browser, live, locale="en-GB")
    page = seen.page
    sign_in(page, "E-mail address", "Sign in")
    page.locator("#spend .bars").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.get_by_role("radio", name="Useful and wasted").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#spend .legendtext", has_text="gpt-4o").wait_for()
    assert seen.faults == []


def test_copy_marks_the_text_where_there_is_no_clipboard(browser, live):
    seen = opened(browser, live, locale="en-GB")
    gone = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    seen.page.add_init_script(gone)
    sign_in(seen.page, "E-mail address", "Sign in")
    seen.page.get_by_role("button", name="Copy the line").click()
    assert seen.page.evaluate("getSelection().toString()") == "import finops_pack.auto"
    assert seen.faults == []


CHART_LEFT = "document.getElementById('spend').getBoundingClientRect().left"


def test_amounts_far_below_a_cent(browser, live):
    with Client(live.url, Secret(live.key)) as client:
        day = report(datetime.now(UTC).date().isoformat(), 0.0000004)
        assert client.send(day.text(), "k").kind == "ok"
    seen = opened(browser, live, locale="de-AT")
    sign_in(seen.page, "E-Mail-Adresse", "Anmelden")
    seen.page.locator("#spend .bars .point path").first.wait_for()
    wide = "document.querySelector('#spend .bars .point path').getBoundingClientRect().width"
    assert seen.page.evaluate(wide) > 10  # of the only day there is
    hovered = "document.getElementById('spend').data.map(({customdata}) => customdata[0])"
    assert seen.page.evaluate(hovered) == ["0,00000036\u00a0$", "0,00000004\u00a0$"]
    marks = " ".join(seen.page.locator("#spend .ytick").all_text_contents())
    assert "n" not in marks  # as in 400n
    assert "0,0000004" in marks
    left = "Math.min(...[...document.querySelectorAll('#spend .ytick text')].map({0}))"
    inside = left.format("mark => mark.getBoundingClientRect().left")
    assert seen.page.evaluate(f"{inside} >= {CHART_LEFT}"), "a mark is cut off"
    assert seen.faults == []


def test_the_name_of_a_reporter_moves_nothing_around_it(browser, live):
    body = {"date": datetime.now(UTC).date().isoformat(), "total_tokens": 1, "total_requests": 1}
    with Client(live.url, Secret(live.key)) as client:
        for name in ("x" * 200, "\N{RIGHT-TO-LEFT OVERRIDE}led"):
            day = parse({**body, "total_cost": 1, "metadata": {"reporter": name}})
            assert client.send(day.text(), name[:9].encode().hex()).kind == "ok"
    seen = opened(browser, live, viewport={"width": 390, "height": 800})
    sign_in(seen.page, "E-mail address", "Sign in")
    seen.page.get_by_role("heading", name="Reporters").wait_for()
    assert seen.fits()
    last = seen.page.locator(".plain li").filter(has_text="led")
    name, words = (last.locator(part).bounding_box() for part in ("code", ".hint"))
    assert name["x"] + name["width"] <= words["x"]
    assert seen.faults == []


@pytest.mark.parametrize("width", [390, 1280])
def test_names_without_a_blank_stay_inside(browser, tmp_path, width):
    name, now = "x" * 180, time.time_ns() // 1000
    line = {"type": "call", "start_us": now, "model": name, "project": name, "task": name}
    more = {"error_type": name, "status": "error", "tool_calls": [{"name": name}], "action": name}
    more |= {"cost_state": "priced", "cost_pico": 10**12}
    chain = [
        {**line, **more, "id": f"c{n}", "parent": f"c{n - 1}", "action": f"{name}{n % 8}"}
        for n in range(40)
    ]
    with closing(open_ledger(str(tmp_path / f"{name}.db"))) as ledger:
        ledger.book(chain)
    with listening(create_local(ledger.url)) as url:
        context = browser.new_context(base_url=url, viewport={"width": width, "height": 800})
        seen = Watched(context.new_page(), url)
        for path in ("/", "/costs", "/tasks", f"/tasks/{name}", "/alerts"):
            seen.page.goto(path)
            assert seen.fits(), path
            wide = (
                "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
            )
            assert max(seen.page.evaluate(wide), default=0) == 0, path
        seen.page.goto("/")
        seen.page.get_by_text("Action", exact=True).click()
        names = seen.page.locator("#spend .legendtext")
        names.nth(7).wait_for()
        assert sorted(names.all_text_contents()) == [f"{'x' * 13}…{'x' * 13}{n}" for n in range(8)]
        chart, last = (
            place.bounding_box() for place in (seen.page.locator("#spend"), names.nth(7))
        )
        assert last["y"] + last["height"] <= chart["y"] + chart["height"]
        assert last["x"] + last["width"] <= chart["x"] + chart["width"]
    assert seen.faults == []
