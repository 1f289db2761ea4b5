"""Pages as HTML: the templates, numbers as a language writes them, and the charts' data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from finops_pack import __version__
from finops_pack import figures as english
from finops_pack.server import assets, texts
from finops_pack.server.screen import Screen, series


def page(template: str, language: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One page in `en` or `de`."""
    text = _environment(language).get_template(template).render(**values)
    return HTMLResponse(text, status)


@lru_cache(maxsize=len(texts.LANGUAGES))
def _environment(language: str) -> Environment:
    made = Environment(
        loader=PackageLoader("finops_pack.server"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        _=texts.translator(language),
        language=language,
        languages=texts.LANGUAGES,
        asset=assets.url,
        plotly_marker=assets.plotly_marker(),
        version=__version__,
    )
    made.filters.update(_filters(language))
    return made


def _filters(language: str) -> dict[str, Callable[..., str]]:
    return {
        "usd": lambda value: usd(value, language),
        "percent": lambda value, places=0: percent(value, language, places),
        "reached": lambda value, places=0: reached(value, language, places),
        "score": english.score,
        "number": lambda value: _grouped(f"{value:,}", language),
        "signed": lambda value: signed(value, language),
        "day": lambda date: texts.day(str(date), language),
        "moment": lambda text: f"{texts.day(str(text)[:10], language)}, {str(text)[11:16]}",
        "said": lambda text: texts.sentence(text, language),
        "times": lambda value: _grouped(english.times(value), language),
        "seconds": lambda value: _grouped(f"{value:,.1f}", language) + " s",
        "quoted": shlex.quote,
        "svg": lambda value: f"{min(max(float(value), 0.0), 1.0) * 100:.2f}%",
    }


def usd(value: Decimal | None, language: str) -> str:
    """`$1,234.50`, `1.234,50 $`, with the digits that the command line shows."""
    if value is None:
        return "–"
    text = english.usd(value)
    return f"{_grouped(text.replace('$', ''), language)}\u00a0$" if language == "de" else text


def percent(value: Decimal | float | None, language: str, places: int = 0) -> str:
    """`12%`, `12 %`, `<1%`; a dash where it is unknown."""
    return "–" if value is None else _percent(english.percent(value, places), language)


def _percent(text: str, language: str) -> str:
    return f"{_grouped(text[:-1], language)}\u00a0%" if language == "de" else text


def reached(value: Decimal | float, language: str, places: int = 0) -> str:
    """A percentage rounded down: what is nearly full is not shown as full."""
    step = Decimal(1).scaleb(-places - 2)
    full = Decimal(str(value)).quantize(step, ROUND_DOWN)
    return _percent(f"{full * 100:.{places}f}%", language)


def signed(value: Decimal, language: str) -> str:
    """A relative change with its sign: `+23%`."""
    return ("+" if round(value, 2) >= 0 else "−") + _percent(f"{abs(value) * 100:.0f}%", language)


def _grouped(text: str, language: str) -> str:
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


def chart_data(screen: Screen, language: str) -> Markup:
    """What the script draws, as JSON that cannot leave its <script> element."""
    said = texts.translator(language)
    splits = {name: series(screen.bars, name) for name in ("waste", "model", "action")}
    parts = {name: said(name) for name in ("useful", "wasted")}  # elsewhere names of a user's own
    rest = {name: said(name) for name in ("(other)", "(not set)", "(none)", "(withheld)")}
    body = {
        "language": language,
        "dates": [bar.date for bar in screen.bars],
        "span": [screen.start, screen.end],
        "splits": {
            split: {(parts if split == "waste" else rest).get(n, n): row for n, row in rows.items()}
            for split, rows in splits.items()
        },
        "write_share": [_float(bar.write_share) for bar in screen.bars],
        "score": [_float(bar.score) for bar in screen.bars],
        "limit_label": said("30% limit"),
        "total_label": said("Total"),
    }
    return script_json(body)


def script_json(body: Mapping[str, Any]) -> Markup:
    """JSON inside HTML: no character of it can close the element or open another."""
    text = json.dumps(body).replace("&", "\\u0026")
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
