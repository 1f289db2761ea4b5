"""Print what the pack costs an agent while it waits: tokens of each skill and of the MCP tools.

    python scripts/resident_cost.py

A token is counted as four characters, which overstates English a little.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import yaml

from finops_pack import mcp_server

SKILLS = Path(__file__).parent.parent / "skills"


def skills() -> dict[str, int]:
    """Skill -> tokens of its name and description, which every session carries."""
    found = {}
    for path in sorted(SKILLS.glob("*/SKILL.md")):
        front = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n", 2)[1])
        found[front["name"]] = len(f"{front['name']}: {front['description']}") // 4
    return found


def tools() -> int:
    """Tokens of all MCP tools as a model sees them."""
    listed = asyncio.run(mcp_server.build().list_tools())
    rows = [tool.model_dump(mode="json", exclude_none=True) for tool in listed]
    seen = [{k: row[k] for k in ("name", "description", "inputSchema")} for row in rows]
    return len(json.dumps(seen)) // 4


if __name__ == "__main__":
    for name, tokens in skills().items():
        print(f"{tokens:>5}  {name}")
    print(f"{tools():>5}  all MCP tools")
