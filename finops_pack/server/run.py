"""Serve an application on a socket of our own, and say where once it listens."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from finops_pack.errors import ConfigError

KEPT_SECONDS = 75  # longer than a client keeps a connection: else it asks on one that is closing


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `ConfigError` when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            mend="choose another with --port, or 0 for any that is free",
        ) from None
    # What is accepted takes this over. Without it an answer's body waits 40 ms for the head's
    # acknowledgement: asyncio does not do it for a socket that it has not made itself.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def address(listening: socket.socket) -> str:
    """`http://127.0.0.1:8765`."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the first line says where."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEPT_SECONDS,
    )
    _Server(config, f"Listening on {address(listening)}").run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(self._ready, flush=True)
