"""The documents say what the code does: settings, headers, parameters, errors, commands, links."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from dotenv import dotenv_values

from app.cli import main
from pipeline.cache.guards.never import REASONS
from pipeline.memory import who
from pipeline.request.controls import SWITCHES
from pipeline.request.parameters import CHAT, EMBEDDINGS, Parameter
from pipeline.settings import Settings, load_settings, variable_name

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
API = (ROOT / "docs/api.md").read_text()
README = (ROOT / "README.md").read_text()
SEMANTIC = (ROOT / "docs/semantic-cache.md").read_text()
HEADER_MODULES = ("receipt.py", "errors.py", "completion.py")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$(.*?)(?=^#{{1,2}} |^\1 |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows, without those of headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for number, row in enumerate(cells) if not (_is_rule(row) or _is_rule([*cells, []][number + 1]))]


def _is_rule(row: list[str]) -> bool:
    return bool(row) and all(re.fullmatch(r"-+", cell) for cell in row)


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- settings ---


FIELDS = {variable_name(field.name): field for field in msgspec.structs.fields(Settings)}
SHOWN = dotenv_values(ROOT / ".env.example")


def test_every_setting_is_in_the_example_and_the_example_has_no_other() -> None:
    of_compose = {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD"}
    assert SHOWN.keys() - of_compose == FIELDS.keys()


@pytest.mark.parametrize("variable", sorted(FIELDS))
def test_the_example_shows_the_default(variable: str) -> None:
    field = FIELDS[variable]
    shown = getattr(load_settings({variable: SHOWN.get(variable) or ""}), field.name)
    assert shown == field.default
    assert SHOWN.get(variable) or field.default in ("", False), "a default that is not empty is shown"


def test_every_variable_that_a_document_names_is_a_setting() -> None:
    others = {"LEO_KEY", "LEO_PROT"}  # of examples
    named = {name for document in DOCUMENTS for name in re.findall(r"\bLEO_[A-Z_]+[A-Z]\b", document.read_text())}
    assert named - FIELDS.keys() - others == set()


# --- headers ---


def code(*folders: str) -> Iterator[ast.Module]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text())


def response_headers() -> set[str]:
    """Names of headers that the three modules which make responses set."""
    found: set[str] = set()
    for name in HEADER_MODULES:
        for node in ast.walk(ast.parse((ROOT / "app" / name).read_text())):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _text(node.slice)[:1].isupper():
                found.add(_text(node.slice))
            if re.fullmatch(r"(X|x|openai)-[\w-]+", _text(node)):
                found.add(_text(node))
    return found


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_the_response_headers_are_those_of_the_code() -> None:
    # The reasons follow in tables of their own; the one of the headers has four columns.
    table = [row for row in rows(section(API, "Response headers")) if len(row) == 4]
    documented = [name.removesuffix("*") for row in table for name in names_in(row[0])]
    assert len(documented) == len(set(documented))
    assert set(documented) == response_headers()


def test_the_request_headers_are_those_of_the_code() -> None:
    documented = {name for row in rows(section(API, "Request headers")) for name in names_in(row[0])}
    files = ("pipeline/request/controls.py", "app/auth.py")
    source = "".join((ROOT / name).read_text() for name in files)
    found = set(re.findall(r'(?:header|headers\.get)\("([\w-]+)"', source))
    assert documented == found | {who.PRINCIPAL_HEADER, who.CONVERSATION_HEADER}


def test_every_switch_of_a_request_is_documented() -> None:
    row = next(row for row in rows(section(API, "Request headers")) if row[0] == "`X-LEO-Disable`")
    assert set(names_in(row[1])) == SWITCHES.keys()


def test_why_a_question_is_not_answered_by_meaning_stands_in_both_documents() -> None:
    told = {
        name for row in rows(section(API, "Response headers")) if "only with `semantic`" in row[1] for name in names_in(row[0])
    }
    explained = {name for row in rows(section(SEMANTIC, "What may be answered by meaning")) for name in names_in(row[0])}
    assert told | {"temperature", "parameter:NAME"} == explained
    assert REASONS.keys() < told


# --- parameters ---


@pytest.mark.parametrize(("title", "table"), [("Chat completions", CHAT), ("Embeddings", EMBEDDINGS)])
def test_the_parameters_and_their_policy_are_those_of_the_table(title: str, table: dict[str, Parameter]) -> None:
    documented = {names_in(row[0])[0]: row for row in rows(section(API, title))}
    assert documented.keys() == table.keys()
    for name, row in table.items():
        _, kind, in_key, rules_out, neutral = documented[name]
        assert row.kind.value.split()[-1] == kind, name
        assert ("yes" if row.in_key else "no") == in_key, name
        assert ", ".join(sorted(reuse.value for reuse in row.forbids)) == rules_out, name
        assert list(row.neutral) == [json.loads(value) for value in names_in(neutral)], name


# --- errors ---


def error_codes() -> set[str]:
    """Codes of the errors that the gateway raises, wherever they stand in a call."""
    found: set[str] = set()
    for module in code("app", "pipeline", "workers"):
        constants = {target.id: _text(node.value) for node in module.body for target in _targets(node)}
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                given = [keyword.value for keyword in node.keywords if keyword.arg == "code"] + _positional_code(node)
                found |= {constants.get(value.id, "") if isinstance(value, ast.Name) else _text(value) for value in given}
            elif isinstance(node, ast.Assign | ast.AnnAssign) and any(t.id == "default_code" for t in _targets(node)):
                found.add(_text(node.value) if node.value else "")
    return found - {""}


def _targets(node: Any) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target for target in targets if isinstance(target, ast.Name)]


def _positional_code(call: ast.Call) -> list[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    if name in ("_failure", "_wrong"):
        return call.args[-1:]
    return call.args[4:5] if name == "Failed" else []


def test_every_error_code_is_documented_and_no_other() -> None:
    documented = {name for row in rows(section(API, "Errors")) for name in names_in(row[1])}
    assert len(documented) > 30
    assert documented == error_codes()


# --- commands ---


def commands(group: click.Group, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_the_commands_of_the_readme_are_those_of_leo() -> None:
    documented = {name for row in rows(section(README, "Commands")) for name in names_in(row[0])}
    assert documented == set(commands(main, "leo"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = document.read_text()
    named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^\$? ?make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets


# --- links and paths ---


def anchors(document: Path) -> set[str]:
    """The anchors that a forge makes of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_of_the_project_that_is_named_is_there(document: Path) -> None:
    folders = "app|workers|pipeline|migrations|bench|deploy|tests|docs"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", document.read_text()):
        assert "NAME" in path or (ROOT / path).exists(), path


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / ".env.example"], ids=lambda path: path.name)
def test_no_document_names_a_path_of_the_machine_it_was_written_on(document: Path) -> None:
    assert re.findall(r"(?<![\w.~])/(?:work|root)(?![\w-])\S*", document.read_text()) == []
