"""Every tool of scikit-learn and its neighbours, with every kind of target: the table of docs/ecosystem.md.

`python -m tests.test_ecosystem` tries all of them, says where tests/ecosystem/tools.py must change, and writes the page
from that list. Tools whose package is absent are not tried; the page shows them all.
"""

import os
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from skmtl import MultiTaskRegressor
from tests.ecosystem.kinds import KINDS
from tests.ecosystem.outcomes import Note, Tool, outcome
from tests.ecosystem.page import renewed
from tests.ecosystem.tools import NAN, TOOLS

PAGE = Path(__file__).parents[1] / "docs" / "ecosystem.md"
# What tools refuse, and with which words, is that of this version of scikit-learn.
SAME_VERSION = parse_version(sklearn.__version__).release[:2] == (1, 9)

CELLS = [
    pytest.param(tool, kind, id=f"{tool.name}-{kind}", marks=[pytest.mark.slow] if tool.slow else [])
    for tool in TOOLS
    for kind in KINDS
    if kind in tool.kinds
]


def changed(tool, kind):
    """Return what is not as the list of tools says, or None."""
    status, error = outcome(tool, kind)
    plt.close("all")
    expected, note = tool.expected(kind)
    if status == "ours fails" or (status == "wrong" and expected != "wrong"):
        return f"{status}: {type(error).__name__}: {error}"
    if not SAME_VERSION:
        return None
    if status != expected:
        return f"{status}, not {expected}: {type(error).__name__}: {error}"
    if note is not None and note.error is not None and not note.quotes(error):
        return f"it says {type(error).__name__}: {error}, not {note.error}: {note.says}"
    return None


@pytest.mark.parametrize(("tool", "kind"), CELLS)
def test_a_tool_gives_what_is_worked_out_by_hand_or_refuses_by_itself(tool, kind):
    if absent := tool.missing_packages():
        pytest.skip(f"needs {', '.join(absent)}")
    found = changed(tool, kind)
    assert found is None, f"{tool.name}, {KINDS[kind]}: {found}; if that is right, change tests/ecosystem/tools.py"


def test_the_page_shows_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert text == renewed(text), "docs/ecosystem.md is not up to date: run python -m tests.test_ecosystem"


def test_there_are_enough_tools_and_none_twice():
    names = [tool.name for tool in TOOLS]
    assert len(names) >= 30
    assert len(set(names)) == len(names)


def test_a_kind_has_one_outcome_and_every_refusal_a_way_out():
    for tool in TOOLS:
        listed = [
            kind for group in (tool.refused, tool.splitter, tool.wrong) for kinds in group.values() for kind in kinds
        ]
        assert len(set(listed)) == len(listed), tool.name
        assert set(listed) <= set(tool.kinds), tool.name
        assert tool.instead or not listed, tool.name


# The judgement itself ------------------------------------------------------------------------------------------------


def attempt_of(function, **more):
    return outcome(Tool("made up", function, **more), "numbers")


@pytest.mark.parametrize(
    ("found", "by_hand", "status"),
    [
        ([1.0, 2.0], [1.0, 2.0], "works"),
        ([1.0, 2.0], [1.0, 2.1], "wrong"),
        ([1.0, 2.0], [1.0], "wrong"),
        (np.array([np.nan]), np.array([np.nan]), "wrong"),
        ({"alpha": 1}, {"alpha": 2}, "wrong"),
    ],
)
def test_another_value_is_wrong(found, by_hand, status):
    assert attempt_of(lambda _: (found, by_hand))[0] == status


def test_an_error_that_passed_through_our_code_is_ours():
    status, error = attempt_of(lambda case: MultiTaskRegressor().fit(case.X, case.y[:-1]))
    assert status == "ours fails"
    assert isinstance(error, ValueError)


def test_a_refusal_must_have_the_type_and_the_words():
    def refuse(_):
        raise ValueError("Input y contains NaN.")

    status, error = attempt_of(refuse)
    assert status == "refused"
    assert NAN.quotes(error)
    assert not Note("TypeError", NAN.says).quotes(error)
    assert not Note("ValueError", "y should be a 1d array").quotes(error)


def test_an_integer_is_tried_before_a_splitter():
    def refuse_integers(case):
        if case.cv == 3:
            raise ValueError("no integer")
        return 1.0, 1.0

    assert attempt_of(refuse_integers)[0] == "refused"
    assert attempt_of(refuse_integers, takes_cv=True)[0] == "splitter"


def renew():
    """Try all cells, print those that are not as listed, and write the page."""
    for tool in TOOLS:
        if tool.missing_packages():
            print(f"{tool.name}: not tried, needs {', '.join(tool.missing_packages())}")
            continue
        for kind in tool.kinds:
            if found := changed(tool, kind):
                print(f"{tool.name}, {KINDS[kind]}: {found}")
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    renew()
