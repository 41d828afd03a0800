"""The README's two set-up commands have the form that CI relies on; tests/test_docs.py runs its code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMAND = re.compile(r"`(pip install [^`\n]+ && [^`\n]+)`")


@pytest.fixture
def readme():
    if not README.exists():
        pytest.skip(f"there is no {README}")
    return README.read_text(encoding="utf-8")


def set_up_commands(text):
    return list(dict.fromkeys(COMMAND.findall(text)))


def test_there_are_two_set_up_commands_one_for_an_example_one_for_the_tests(readme):
    commands = set_up_commands(readme)
    assert len(commands) == 2, commands
    example = re.fullmatch(r"pip install .+ && python (examples/\S+\.py)", commands[0])
    assert example, commands[0]
    assert (ROOT / example[1]).is_file(), commands[0]
    assert re.fullmatch(r"pip install .+ && pytest( .*)?", commands[1]), commands[1]
