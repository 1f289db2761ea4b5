"""Choices that adapters look up at each call, so that they hold whenever they are made."""

from __future__ import annotations

exact_streams = False
"""Ask OpenAI-wire servers for usage in streams that nobody asked it for."""
