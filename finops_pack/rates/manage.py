"""What a person does with the tables: look, check, refresh, set a price, name a deployment."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops_pack import config, rates
from finops_pack.errors import RatesError
from finops_pack.rates import convert, layers, own, snapshot
from finops_pack.rates.rate import Rate
from finops_pack.rates.tables import compile_table

if TYPE_CHECKING:
    import httpx

snapshot_info, unit_prices = rates.snapshot_info, rates.unit_prices
alias, set_price, on_file, near = own.alias, own.set_price, own.on_file, own.near
suggestion = own.suggestion
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """One table in force: its layer, its file, how many models it prices."""

    layer: str
    file: str
    models: int


def sources() -> list[Source]:
    """The tables in force, strongest first; the snapshot stands last."""
    tables = rates.current()
    found = [
        Source(layer.name, file, len(table.get("models", ())))
        for layer in tables.layers
        for file, table in zip(layer.files, layer.tables, strict=True)
    ]
    snap = tables.snapshot
    return [*found, Source("snapshot", str(snap.path), len(snap.lines) - 1)]


def problems() -> list[RatesError]:
    """What is wrong with the tables in force, each with its mend."""
    tables = rates.current()
    found = list(tables.warnings)
    if (age := tables.snapshot.age_days) > snapshot.STALE_DAYS:
        said = f"prices were last checked {age} days ago ({tables.snapshot.header['date']})"
        found.append(RatesError(said, mend="finops rates refresh --from FILE|URL"))
    return found


def models(provider: str) -> Iterator[tuple[str, str, Rate | None]]:
    """(provider, model, its rate now) of all that is on file of a provider."""
    tables = rates.current()
    home = tables.directory.provider(provider)
    if home is None:
        known = sorted(tables.directory.ids)
        near = difflib.get_close_matches(provider, known, n=3)
        raise RatesError(
            f"no table knows a provider {provider!r}", mend=f"known: {', '.join(near or known)}"
        )
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    for name in tables.ids(home):
        yield home, name, tables.plan_at(home, name).rate(now, 0)


def check(paths: Sequence[Path] = ()) -> list[RatesError]:
    """Compile tables anew (those given, else all in force and the snapshot): what is refused."""
    refused: list[RatesError] = []
    for path in paths or layers.files():
        try:
            compile_table(path.read_bytes(), str(path))
        except OSError as error:
            refused.append(RatesError(f"{path}: {error.strerror or error}"))
        except RatesError as error:
            refused.append(error)
    if not paths:
        try:
            rates.current().snapshot.check()
        except RatesError as error:
            refused.append(error)
        known = {str(error) for error in refused}
        refused += [error for error in rates.current().warnings if str(error) not in known]
    return refused


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The snapshot that is in force now, and how it differs from the one before, in models."""

    version: str
    date: str
    sha256: str
    models: int
    changed: int
    gone: int


def refresh(origin: str) -> Refreshed:
    """Take prices from a file or URL: a snapshot of ours, or genai-prices' v2 `data.json`.

    The only place of this package that uses the network. Raises `RatesError`; what was in
    force stays so then.
    """
    shown = config.bare(origin) if "://" in origin else origin
    text = _snapshot_text(_fetched(origin, shown), shown)
    path = snapshot.refreshed_path()
    fresh = snapshot.parse(text, path)
    fresh.check()
    if not fresh.models:
        mend = "it must be a snapshot of ours or the v2 data.json of genai-prices"
        raise RatesError(f"{shown}: prices no model", mend=mend)
    before = rates.current().snapshot
    over = snapshot.read(snapshot.shipped_path()).header["sha256"]
    head = {**fresh.header, "over": over}
    lines = fresh.lines[1:]
    own.replace(path, "\n".join([json.dumps(head), *lines, ""]))
    rates.reload()
    known = set(before.lines[1:])
    changed = sum(line not in known for line in lines)
    gone = len(before.models - fresh.models)
    return Refreshed(str(head["version"]), head["date"], head["sha256"], len(lines), changed, gone)


def _fetched(origin: str, shown: str) -> bytes:
    if "://" not in origin:
        try:
            return Path(origin).expanduser().read_bytes()
        except OSError as error:
            raise RatesError(f"{origin}: {error.strerror or error}") from None
    import httpx

    headers = {"Accept-Encoding": "gzip"}
    try:
        with httpx.Client(timeout=30, follow_redirects=True, headers=headers) as client:
            client.event_hooks["request"] = [_refuse_in_the_clear]  # each redirect is one, too
            with client.stream("GET", origin) as reply:
                return _body(reply.raise_for_status())
    except httpx.HTTPStatusError as error:  # whose text has the whole address in it
        said = f"{error.response.status_code} {error.response.reason_phrase}"
        raise RatesError(f"{shown}: {said}", mend="try again, or give a file") from None
    except httpx.InvalidURL:  # whose text has a part of it, perhaps of the password
        raise RatesError(f"{shown}: is no URL", mend="correct it, or give a file") from None
    except httpx.HTTPError as error:
        raise RatesError(f"{shown}: {error}", mend="try again, or give a file") from None


def _refuse_in_the_clear(request: httpx.Request) -> None:
    """Anybody on the way could write the prices: only this machine is asked without TLS."""
    url = request.url
    if url.scheme != "https" and url.host not in ("127.0.0.1", "localhost"):
        raise RatesError(
            f"{config.bare(str(url))}: not https", mend="download it yourself and give the file"
        )


def _body(reply: httpx.Response) -> bytes:
    """As much of it as shows that it is too large; packed twice, one piece fills any memory."""
    packed = reply.headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip"):
        raise RatesError(
            f"{config.bare(str(reply.url))}: packed as {packed[:40]!r}", mend="give a file"
        )
    found = bytearray()
    for piece in reply.iter_bytes():
        found += piece
        if len(found) > MAX_BYTES:
            break
    return bytes(found)


def _snapshot_text(content: bytes, shown: str) -> str:
    if len(content) > MAX_BYTES:
        raise RatesError(f"{shown}: larger than {MAX_BYTES >> 20} MiB: not a table of rates")
    try:
        text = content.decode("utf-8")
        if not text.lstrip().startswith("["):
            return text
        data = json.loads(text)
        today = datetime.now(UTC).date().isoformat()
        return convert.snapshot(data, version="data.json", date=convert.newest_date(data, today))
    except RecursionError:
        raise RatesError(f"{shown}: nested too deeply") from None
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        mend = "it must be a snapshot of ours or the v2 data.json of genai-prices"
        raise RatesError(f"{shown}: cannot be read: {error!r}", mend=mend) from None
