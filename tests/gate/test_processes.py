"""Four processes share one hard budget over the wire, whatever framework each of them runs."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from finops_pack.testing import Wire

TOP = Path(__file__).parent.parent.parent
BEGIN = """
import asyncio, sys
import finops_pack.auto
import finops_pack
tracker = finops_pack.track(budget="0.03 USD/day")
url = sys.argv[1]
"""
END = """
sys.stdin.readline()  # so that all begin at once, however long their imports took
for _ in range(100):
    try:
        ask()
    except Exception as stopped:  # a framework may wrap ours in an exception of its own
        if tracker.refusal and tracker.refusal.reason == "unreachable":
            continue  # no lock within 250 ms, on a machine with too much to do
        assert "budget exceeded" in str(stopped), stopped
        break
print(tracker.refusal.reason)
"""
ASK = {
    "langchain": """
from langchain_openai import ChatOpenAI
model = ChatOpenAI(model="gpt-4o", base_url=url, api_key="none")
def ask():
    model.invoke("hello")
""",
    "crewai": """
from crewai import LLM, Agent, Crew, Task
llm = LLM(model="openai/gpt-4o", base_url=url, api_key="none")
agent = Agent(role="r", goal="g", backstory="b", llm=llm)
def ask():
    task = Task(description="d", expected_output="e", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
""",
    "autogen": """
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
client = OpenAIChatCompletionClient(model="gpt-4o", base_url=url, api_key="none")
def ask():
    asyncio.run(AssistantAgent("a", client).run(task="hello"))
""",
    "openai": """
import openai
client = openai.OpenAI(base_url=url, api_key="none")
def ask():
    messages = [{"role": "user", "content": "hello"}]
    client.chat.completions.create(model="gpt-4o", messages=messages)
""",
}


@pytest.mark.parametrize(
    "frameworks",
    [["langchain"] * 4, ["crewai"] * 4, ["autogen"] * 4, list(ASK)],
    ids=["langchain", "crewai", "autogen", "mixed"],
)
def test_four_processes_share_one_budget(
    frameworks: list[str], empty_home: Path, wire: Wire, tmp_path: Path
) -> None:
    """Calls of $0.00375 under $0.03 a day: at most 8 HTTP calls, at least 4, all told why."""
    env = {**os.environ, "PYTHONPATH": str(TOP), "CREWAI_DISABLE_TELEMETRY": "true",
           "OTEL_SDK_DISABLED": "true", "CREWAI_TRACING_ENABLED": "false"}  # fmt: skip
    for framework in set(frameworks):  # all of them before anybody reads one
        (tmp_path / f"run_{framework}.py").write_text(BEGIN + ASK[framework] + END)
    with ExitStack() as stack:
        workers = []
        for framework in frameworks:
            words = [sys.executable, str(tmp_path / f"run_{framework}.py"), wire.openai_url]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            workers.append(stack.enter_context(subprocess.Popen(words, env=env, **pipes)))
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        said = [worker.communicate(timeout=240)[0].split()[-1:] for worker in workers]
    assert said == [["exceeded"]] * 4
    assert 4 <= wire.calls <= 8
