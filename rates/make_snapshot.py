"""Write `snapshot.jsonl` from the genai-prices that is installed: what `make rates` runs."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelPrice

from finops_pack.rates import convert

TARGET = Path(__file__).parent / "snapshot.jsonl"


def published(value: Any) -> Any:
    """The package's objects in the form in which genai-prices publishes its data."""
    if isinstance(value, ModelPrice):
        return {k: published(v) for k, v in vars(value).items() if v is not None}
    if dataclasses.is_dataclass(value):
        fields = ((f.name.rstrip("_"), getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: published(v) for name, v in fields if name and v is not None}
    if isinstance(value, list):
        return [published(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def data() -> list[dict[str, Any]]:
    """All providers, as published; how usage is extracted is not needed."""
    return [published(dataclasses.replace(provider, extractors=None)) for provider in providers]


def main() -> None:
    """Convert, write, and say what was written."""
    today = datetime.now(UTC).date().isoformat()
    version = metadata.version("genai-prices")
    text = convert.snapshot(data(), version=version, date=convert.newest_date(data(), today))
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.name}: genai-prices {version}, {text.count(chr(10)) - 1} models")


if __name__ == "__main__":
    main()
