"""Messages of every shape, read alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from finops_pack.recorder import _messages, _verify
from finops_pack.recorder._estimate import estimate, tokens

OPENAI = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t1", "function": {"name": "add", "arguments": '{"b":2,"a":1}'}}],
    },
    {"role": "tool", "tool_call_id": "t1", "content": "3"},
]
ANTHROPIC = [
    {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
    {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image"}]},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1, "b": 2}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "3"}]},
]
LANGCHAIN = [
    SystemMessage("Be kind."),
    HumanMessage([{"type": "text", "text": "hi"}, {"type": "image_url"}]),
    AIMessage("", tool_calls=[{"id": "t1", "name": "add", "args": {"a": 1, "b": 2}}]),
    ToolMessage("3", tool_call_id="t1"),
]
RESPONSES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image"}]},
    {"type": "function_call", "call_id": "t1", "name": "add", "arguments": '{"a":1,"b":2}'},
    {"type": "function_call_output", "call_id": "t1", "output": "3"},
]


@pytest.mark.parametrize("messages", [OPENAI, ANTHROPIC, LANGCHAIN, RESPONSES])
def test_every_shape_gives_the_same_pairs(messages: Any) -> None:
    pairs = _messages.pairs(messages)
    assert [kind for kind, _ in pairs] == ["system", "user", "assistant", "tool_result"]
    assert pairs[0][1] == "Be kind."
    assert pairs[1][1].startswith("hi\n[")
    assert pairs[2][1] == 'add({"a":1,"b":2})'
    assert pairs[3][1] == "3"


@pytest.mark.parametrize("messages", [OPENAI, ANTHROPIC, LANGCHAIN, RESPONSES])
def test_the_results_that_came_in_with_this_request(messages: Any) -> None:
    (result,) = _messages.new_results(messages)
    assert (result["tool_call_id"], result["text"], result["failed"]) == ("t1", "3", False)
    later = [*messages, {"role": "assistant", "content": "3"}, {"role": "user", "content": "why"}]
    assert _messages.new_results(later) == []


def test_plain_strings_and_answers() -> None:
    assert _messages.pairs("hi") == [("user", "hi")]
    assert _messages.pairs(["a", "b"]) == [("user", "a"), ("user", "b")]
    assert _messages.text_of("hi") == "hi"
    assert _messages.text_of({"choices": [{"message": {"content": "hi"}}]}) == "hi"
    assert _messages.text_of({"content": [{"type": "text", "text": "hi"}]}) == "hi"
    assert _messages.text_of(AIMessage("hi")) == "hi"
    message = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}
    assert _messages.text_of({"output": [message]}) == "hi"


def test_cache_breakpoints_with_their_ttl() -> None:
    mark = {"type": "ephemeral"}
    system = {"role": "system", "content": [{"type": "text", "text": "x", "cache_control": mark}]}
    tools = [{"name": "add", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    assert _messages.breakpoints([system], tools) == ["5m", "1h"]
    assert _messages.breakpoints(OPENAI, None) == []


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("Error: subtract is not a valid tool, try one of [add].", "tool"),
        (
            "Error invoking tool 'add' with kwargs {'a': 'x'} with error:\n a: not a number",
            "schema",
        ),
        ("2 validation errors for Answer\nnumber\n  Field required", "schema"),
        ("Error: ConnectionError('no route')\n Please fix your mistakes.", None),
        ("ls: cannot access 'x': No such file or directory", None),
        ("all is well", None),
        ('Tool "read_fil" not found in registry. Did you mean "read_file"?', "tool"),
        ("Could not find an exact match for 'old_string' in 'a.py'.", "edit"),
        ("params must have required property 'path'", "schema"),
        ("File not found: /home/me/a.py", "missing"),
        ("unsupported call: read_fil", "tool"),
        ("failed to parse function arguments: missing field `cmd`", "schema"),
        ("apply_patch verification failed: invalid patch: no '*** Begin Patch'", "schema"),
        ("apply_patch verification failed: Failed to find expected lines in a.py:\nx", "edit"),
        ("apply_patch verification failed: Failed to read file to update a: sandbox", None),
    ],
)
def test_who_refused_an_answer(text: str, check: str | None) -> None:
    assert _verify.verifier(text) == check


def test_estimates_count_bytes_not_letters() -> None:
    assert tokens("") == 0
    assert tokens("abcde") == 2
    assert tokens("日本語") == 3
    usage = estimate([{"role": "user", "content": "x" * 40}], "y" * 8)
    assert (usage.input_tokens, usage.output_tokens) == (14, 2)


def test_tools_are_part_of_what_is_sent() -> None:
    tool = {"name": "look_up", "description": "x" * 361}
    usage = estimate([{"role": "user", "content": "x" * 40}], "", [tool, tool])
    assert usage.input_tokens == 14 + 2 * 100


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "type", "content", "text", "tool_calls", "function", "output"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(messages=anything)
def test_no_shape_raises(messages: Any) -> None:
    for kind, text in _messages.pairs(messages):
        assert isinstance(kind, str)
        assert isinstance(text, str)
    assert isinstance(_messages.text_of(messages), str)
    assert isinstance(_messages.new_results(messages), list)
    assert isinstance(_messages.breakpoints(messages, messages), list)
    estimate(messages, messages, messages)


def test_arguments_that_are_nested_without_end_are_taken_as_they_stand() -> None:
    deep = "[" * 100_000
    asked = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": deep}}]}
    assert _messages.pairs([asked]) == [("assistant", f"f({deep})")]
