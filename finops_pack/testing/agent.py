"""A support agent as a user would write it, and the provider that it talks to: the demo's cast.

    python -m finops_pack.testing.agent

The agent is LangChain's, with tools; its one line about money is the first import. The provider
is the scripted wire, which counts tokens by length and caches a prompt's prefix as OpenAI does.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from os.path import commonprefix
from typing import Any

import finops_pack.auto  # noqa: F401  the one line
from finops_pack.testing import Reply, Wire

TICKETS = (
    "Where is my order 1041? It should have been here on Monday.",
    "I was charged twice for order 1042, please refund one of them.",
    "How do I change the address of order 1043?",
    "Order 1044 arrived broken. What now?",
    "Cancel my subscription, order 1045 was the last one.",
    "Is order 1046 in the post already?",
    "Can I get an invoice for order 1047 with my company's name?",
    "Where is order 1048? The tracking page is empty.",
)
_RULES = "\n".join(
    f"Rule {number}: When a customer asks about case {number}, look the order up first, name its "
    f"state and date, never promise a day, and offer form {number} where money is due."
    for number in range(1, 161)
)
SYSTEM = f"You are the support desk of a mail-order shop. Be brief and kind.\n{_RULES}"


def answer_tickets(wire: Wire) -> int:
    """Run the agent over all tickets; how many were answered."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    address: Any = {"base_url": wire.openai_url, "api_key": "no-key-needed"}
    model = ChatOpenAI(model="gpt-4o", **address)
    small: Any = {"model": "text-embedding-3-small", "check_embedding_ctx_length": False}
    notes = OpenAIEmbeddings(**small, **address)

    @tool
    def search_notes(question: str) -> str:
        """What the shop's notes say about a question."""
        notes.embed_query(question)
        return "Parcels take three working days. A lost parcel is sent again after a week."

    @tool
    def look_up_order(order: str) -> str:
        """The state of an order."""
        return f"Order {order}: packed on Tuesday, handed to the carrier on Wednesday."

    @tool
    def refund(order: str, amount: float) -> str:
        """Pay money back."""
        return "The payment service did not answer in time. Nothing was paid."

    tools = [search_notes, look_up_order, refund]
    desk: Any = create_agent(model, tools, system_prompt=SYSTEM, name="support-desk")
    for number, ticket in enumerate(TICKETS, 1):
        talk = {"configurable": {"thread_id": f"ticket-{number}"}}
        desk.invoke({"messages": [("user", ticket)]}, config=talk)
    return len(TICKETS)


class Provider:
    """Answers as a model would: looks up, sometimes errs, then writes a short reply."""

    def __init__(self) -> None:
        self.busy = 2  # requests that will be told to come back later
        self.sent: deque[str] = deque(maxlen=50)

    def __call__(self, path: str, body: Mapping[str, Any]) -> Reply:
        """One reply."""
        if path.endswith("/embeddings"):
            count = len(json.dumps(body.get("input"))) // 4
            return Reply(usage={"prompt_tokens": count, "total_tokens": count})
        messages = body["messages"]
        ticket = next(m["content"] for m in messages if m["role"] == "user")
        told = sum(message["role"] == "tool" for message in messages)
        if self.busy and told == 1 and "1042" in ticket:
            self.busy -= 1
            return Reply(status=429, error="rate limit", headers={"retry-after-ms": "350"})
        text, tools = self._think(ticket, told)
        return Reply(text=text, tools=tools, usage=self._count(body, text, tools))

    def _think(self, ticket: str, told: int) -> tuple[str, list[tuple[str, str, dict[str, Any]]]]:
        order = next(word.strip("?.,") for word in ticket.split() if word.startswith("104"))
        identity = f"call_{order}_{told}"
        if told == 0 and "Cancel" in ticket:  # a tool that does not exist
            return "", [(identity, "cancel_subscription", {"order": order})]
        if told == 0:
            return "", [(identity, "search_notes", {"question": ticket})]
        if told == 1:
            return "", [(identity, "look_up_order", {"order": order})]
        if "refund" in ticket and told < 5:  # tries the failing tool again and again
            return "", [(identity, "refund", {"order": order, "amount": 20.0})]
        return (
            f"Your order {order} was handed to the carrier on Wednesday. "
            "Should it not arrive within the week, write to us again and we will send another.",
            [],
        )

    def _count(self, body: Mapping[str, Any], text: str, tools: Any) -> dict[str, Any]:
        sent = json.dumps([body.get("tools", []), *body["messages"]])[:-1]
        alike = max((len(commonprefix([sent, old])) for old in self.sent), default=0)  # noqa: RUF071
        self.sent.append(sent)
        return {
            "prompt_tokens": len(sent) // 4,
            "completion_tokens": (len(text) + len(json.dumps(tools))) // 4 + 8,
            "total_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": alike // 4 // 128 * 128},  # as OpenAI,
        }


def main() -> None:
    """Answer all tickets; print what was done as one line of JSON."""
    with Wire(Provider()) as wire:
        answered = answer_tickets(wire)
        print(json.dumps({"answered": answered, "http_requests": wire.calls}))


if __name__ == "__main__":
    main()
