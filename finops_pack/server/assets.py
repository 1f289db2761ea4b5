"""Scripts and styles, all from installed packages: ours, and plotly.js from PyPI's plotly."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import threading
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from finops_pack.errors import ConfigError

PLOTLY = "plotly.js"
_OURS = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"  # the address holds a digest of the content

_packing = threading.Lock()

router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """One script, style or picture."""
    if name not in names():
        return Response("not found", 404, media_type="text/plain")
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    media = _TYPES[Path(name).suffix]
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(_packed(name), headers=headers, media_type=media)
    return Response(_raw(name), headers=headers, media_type=media)


@lru_cache(maxsize=16)
def url(name: str) -> str:
    """The address of an asset, new whenever its content is."""
    return f"/static/{name}?v={hashlib.sha256(_raw(name)).hexdigest()[:12]}"


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """What may be asked for."""
    return frozenset({PLOTLY, *(path.name for path in _OURS.iterdir())})


@lru_cache(maxsize=16)
def _raw(name: str) -> bytes:
    return (plotly_script() if name == PLOTLY else _OURS / name).read_bytes()


def _packed(name: str) -> bytes:
    with _packing:  # plotly.js takes half a second: once, however many ask at the start
        return _gzipped(name)


@lru_cache(maxsize=16)
def _gzipped(name: str) -> bytes:
    return gzip.compress(_raw(name), 6, mtime=0)


def plotly_script() -> Path:
    """plotly.js as its Python package ships it; the package itself is never imported."""
    spec = importlib.util.find_spec("plotly")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path
    raise ConfigError(
        "plotly, whose script draws the charts, is not installed",
        mend='pip install "finops-agent-pack[server]"',
    )


@lru_cache(maxsize=1)
def plotly_marker() -> str:
    """The id of an element that keeps plotly.js from adding the inline style of its maps.

    We draw no maps, and our policy forbids inline styles. Empty when this plotly.js has none.
    """
    found = re.search(rb'getElementById\("([0-9a-f]{64})"\)', _raw(PLOTLY))
    return found[1].decode() if found else ""
