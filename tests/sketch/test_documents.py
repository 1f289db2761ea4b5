from __future__ import annotations

import time

import pytest

from finops_pack.sketch._documents import split

TEMPLATES = (
    "Answer from the following context:\n{docs}\n\nQuestion: {question}",
    "Use the retrieved context.\nQuestion: {question} \nContext: {docs} \nAnswer:",
    "Context:\n{docs}\n\nUser question: {question}\nHelpful Answer:",
    "# Search results:\n{docs}\n---\nQuery: {question}",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_usual_templates(template: str) -> None:
    text = template.format(docs="One thing.\n\nAnother thing.", question="What?")
    documents, rest = split(text)
    assert [d.strip("- \n") for d in documents] == ["One thing.", "Another thing."]
    assert "What?" in rest
    assert "thing" not in rest


def test_tags_and_tags_within_tags() -> None:
    text = '<context><doc id="1">One.</doc> and <doc id="2">Two.</doc></context> What?'
    assert split(text) == (["One.", "Two."], "  What?")
    assert split('<source src="clip.mp4"> plays') == ([], '<source src="clip.mp4"> plays')
    assert split("<source>Only.</source>")[0] == ["Only."]


@pytest.mark.parametrize(
    "text",
    [
        "Context: you are a helpful clerk. Answer in German.",  # no question: an instruction
        "Please read the context carefully.",
        "Question: what is a <document> tag?",
        "",
    ],
)
def test_instructions_are_left_alone(text: str) -> None:
    assert split(text) == ([], text)


@pytest.mark.parametrize(
    "text",
    [
        "Question: word context " * 20_000 + "<document>" * 5_000,
        "\n" * 5_000,
        "Question: which?\nContext:\n" + "| | |\n" * 1_500 + "end",
    ],
    ids=["words", "blank lines", "an empty table"],
)
def test_long_texts_without_marks_are_read_in_no_time(text: str) -> None:
    start = time.process_time()
    split(text)
    assert time.process_time() - start < 1
