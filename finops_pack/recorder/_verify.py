"""What frameworks tell the model when its answer did not pass: the verifier's name."""

from __future__ import annotations

import re

# Each wording was read in the named source; a tool that merely failed is no verifier event.
_WORDINGS = (
    ("tool", r"is not a valid tool, try one of"),  # langgraph ToolNode
    ("tool", r"Tool ['\"]?[\w.-]+['\"]? not found"),  # crewai, autogen, Gemini CLI
    ("tool", r"don't exist or is not available|Unknown tool name"),  # crewai, pydantic-ai
    ("schema", r"^Error invoking tool .* with kwargs"),  # langgraph: arguments refused
    ("schema", r"\d validation errors? for "),  # pydantic
    ("schema", r"Failed to parse structured output|Error parsing structured output"),  # langchain
    ("schema", r"^Arguments validation failed|InputValidationError"),  # crewai, Claude Code
    ("missing", r"^(?:File does not exist|File not found: |No such file or directory)"),
    ("tool", r"No such tool available"),  # Claude Code, and what follows
    ("tool", r"^Unknown skill: |^Agent type '[^']*' not found"),
    ("missing", r"^(?:Path|Directory) does not exist: |^No (?:task|shell) found with ID: "),
    ("edit", r"^String to replace not found|Found \d+ matches of the string to replace"),
    ("edit", r"^Could not find an exact match for 'old_string'|^Failed to edit, "),  # Gemini CLI
    ("schema", r"^params(?:/\S+)? must "),
    ("tool", r"^unsupported (?:custom tool )?call: "),  # Codex, and what follows
    ("schema", r"^failed to parse function arguments|^apply_patch verification failed: invalid "),
    ("edit", r"^apply_patch verification failed: Failed to find "),
    ("missing", r"^apply_patch verification failed: Failed to read .*No such file"),
    ("tool", r"^The arguments provided .* tried to call unavailable tool"),  # OpenCode, and on
    ("schema", r"^The arguments provided to the tool are invalid"),
    ("edit", r"^(?:oldString not found in|Found multiple matches for oldString)"),
    ("user", r"^The user rejected permission to use this"),
    ("guardrail", r"^File has not been read yet"),
    ("user", r"^The user doesn't want to (?:proceed|take this action)"),
)
_PATTERNS = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in _WORDINGS)


def verifier(text: str) -> str | None:
    """The check that a failed tool result speaks of, None when it is an ordinary failure."""
    head = text[:2000]
    for name, pattern in _PATTERNS:
        if pattern.search(head):
            return name
    return None
