"""What the tables know of models beside prices: prompt caches, and cheaper stand-ins."""

from __future__ import annotations

import re
from decimal import Decimal

from finops_pack.model import CacheRules, Usage
from finops_pack.rates import names
from finops_pack.rates.book import Book

# Models that answer in another way than with text cannot stand in, nor be stood in for.
_OTHER_MODE = re.compile(
    r"audio|realtime|tts|transcribe|whisper|image|video|embed|search|live|computer-use|"
    r"moderation|research|ocr|voice|omni|rerank"
)
_PROBE = Usage(input_tokens=3000, output_tokens=1000)


def cache_rules(book: Book, provider: str | None, model: str, at_us: int) -> CacheRules | None:
    """The rules of who bills, else of who made the model."""
    for place in book.places(model, provider):
        bare = names.bare(place.name)
        for home, name in ((place.provider, place.name), (names.maker_of(bare), bare)):
            if home and (rules := book.cache_rules(home, name, at_us)):
                return rules
    return None


def alternatives(book: Book, model: str, provider: str | None, at_us: int) -> tuple[str, ...]:
    """Cheaper text models of the same provider, the nearest in price first."""
    own = _usd(book, model, provider, at_us)
    if own is None or _OTHER_MODE.search(model.lower()):
        return ()
    found = next(filter(None, map(book.found, book.places(model, provider))), [])
    ladder = book.ladder(found[0].entry.provider) if found else []
    priced = [(_usd(book, other, provider, at_us), other) for other in ladder]
    cheaper = [(usd, other) for usd, other in priced if usd is not None and usd < own]
    return tuple(other for _, other in sorted(cheaper, reverse=True))


def _usd(book: Book, model: str, provider: str | None, at_us: int) -> Decimal | None:
    rate = book.plan(model, provider, {}).rate(at_us, _PROBE.input_tokens)
    return rate.cost(_PROBE).usd if rate else None
