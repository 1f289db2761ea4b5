"""The labelled sets of context: which passages an answer made use of, said by people or cited."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent.parent.parent / "shared" / "data"


class Example(NamedTuple):
    """A question, the passages sent with it, the answer, and which passages it left unused."""

    question: str
    segments: list[str]
    answer: str
    unused: list[bool]


def clapnq(row: dict[str, object]) -> Example:
    """Passages by sentence; people marked the sentences that an answer rests on."""
    answer: dict[str, list[str]] = row["output"][0]  # type: ignore[index]
    passages: list[dict[str, list[str]]] = row["passages"]  # type: ignore[assignment]
    used = set(answer["selected_sentences"])
    sentences = [sentence for passage in passages for sentence in passage["sentences"]]
    return Example(
        str(row["input"]), sentences, str(answer["answer"]), [s not in used for s in sentences]
    )


def quotesum(row: dict[str, object]) -> Example:
    """Up to eight sources; the summary marks whose words it took: `[ 2 … ]`."""
    summary = str(row["summary"])
    used = {int(number) for number in re.findall(r"\[ (\d)", summary)}
    sources = [(i, str(row[f"source{i}"])) for i in range(1, 9) if row[f"source{i}"]]
    return Example(
        str(row["question"]),
        [text for _, text in sources],
        re.sub(r"\[ \d |\]", "", summary),
        [i not in used for i, _ in sources],
    )


def cragc(row: dict[str, object]) -> Example:
    """Twenty passages; the answer cites what it used: `[0, 10]`."""
    cited = re.compile(r"\s*\[([\d, ]+)\]")
    answer, passages = str(row["answer"]), list(row["passages"])  # type: ignore[call-overload]
    used = {int(n) for group in cited.findall(answer) for n in group.split(",") if n.strip()}
    unused = [i not in used for i in range(len(passages))]
    return Example(str(row["query"]), passages, cited.sub("", answer), unused)


READERS: dict[str, tuple[str, Callable[[dict[str, object]], Example]]] = {
    "CLAPnq": ("clapnq_30.jsonl", clapnq),
    "QuoteSum": ("quotesum_30.jsonl", quotesum),
    "CRAGC-25 GPT-4o": ("cragc25_gpt4o_20.jsonl", cragc),
}


def examples(name: str, folder: Path = DATA) -> list[Example]:
    """All examples of one set."""
    file, reader = READERS[name]
    return [reader(row) for row in _rows(folder / file)]


def _rows(path: Path) -> Iterator[dict[str, object]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
