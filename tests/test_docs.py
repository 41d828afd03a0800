"""The code of the README and of every page in docs/ runs and prints what it shows."""

import contextlib
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# A python block, and the text block that follows directly after it, if one does.
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```[ ]*$(?:\s*^```(?:text)?[ ]*\n(?P<output>.*?)^```[ ]*$)?", re.MULTILINE | re.DOTALL
)
FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.]*\w)")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


class Block(NamedTuple):
    line: int
    code: str
    output: str | None


def code_blocks(text):
    """Return the python blocks of a Markdown text, each with the line of its first statement."""
    return [
        Block(text.count("\n", 0, match.start("code")) + 1, match["code"], match["output"])
        for match in BLOCK.finditer(text)
    ]


def run_blocks(blocks, filename):
    """Run the blocks in order in one namespace; the first whose output differs from the one shown fails."""
    namespace = {"__name__": "__main__"}
    for block in blocks:
        # Empty lines in front make tracebacks show the page's own line numbers.
        program = compile("\n" * (block.line - 1) + block.code, filename, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(program, namespace)
        if block.output is not None:
            assert_printed(
                printed.getvalue(),
                block.output,
                f"{filename}, line {block.line}: the block prints something else than the page shows",
            )


def assert_printed(printed, shown, message):
    """Assert that two texts are equal, decimal fractions to within two units of their last digit.

    Processors and thread counts round sums differently, and training carries that into a score's last digit.
    """
    printed, shown = without_trailing_space(printed), without_trailing_space(shown)
    if FRACTION.sub("#", printed) != FRACTION.sub("#", shown):
        assert printed == shown, message
    for found, expected in zip(FRACTION.findall(printed), FRACTION.findall(shown), strict=True):
        found, expected = Decimal(found), Decimal(expected)
        assert found.same_quantum(expected), f"{message}: {found}, not {expected}"
        assert abs(found - expected) <= Decimal((0, (2,), expected.as_tuple().exponent)), (
            f"{message}: {found}, not {expected}"
        )


def without_trailing_space(text):
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_runs_and_prints_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a block may save a picture
    blocks = code_blocks(page.read_text(encoding="utf-8"))
    assert blocks or page.name == "index.md", f"{page.name} has no python block"
    run_blocks(blocks, page.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_contents_list_every_page():
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        if page.parent.name == "docs" and page.name != "index.md":
            assert f"({page.name})" in contents, f"docs/index.md does not list {page.name}"


SAMPLE = """\
```python
x = 1
print(x)
```

```text
1
```

Text between the blocks, and a block that is not python:

```bash
print nothing
```

```python
print(x + 1)
```
Text before a block means that it is no output:
```text
not looked at
```
```python
print("a  ")
```
```
a
```
"""


def test_blocks_are_found_with_their_lines_and_outputs():
    assert code_blocks(SAMPLE) == [
        Block(2, "x = 1\nprint(x)\n", "1\n"),
        Block(17, "print(x + 1)\n", None),
        Block(24, 'print("a  ")\n', "a\n"),
    ]
    run_blocks(code_blocks(SAMPLE), "sample")


def test_a_wrong_output_fails_and_names_the_line():
    with pytest.raises(AssertionError, match="sample, line 2"):
        run_blocks(code_blocks(SAMPLE.replace("\n1\n", "\n2\n")), "sample")


@pytest.mark.parametrize("printed", ["score 0.93", "score 0.96", "score 0.930", "value 0.94", "score 1.0"])
def test_fractions_may_differ_by_two_units_of_their_last_digit(printed):
    close = printed in {"score 0.93", "score 0.96"}
    with contextlib.nullcontext() if close else pytest.raises(AssertionError, match="page"):
        assert_printed(printed, "score 0.94", "page")


def test_versions_and_whole_numbers_are_compared_exactly():
    for printed, shown in [("(308, 2)", "(309, 2)"), ("1.7.0", "1.8.0"), ("x0.5", "x0.6")]:
        with pytest.raises(AssertionError, match="page"):
            assert_printed(printed, shown, "page")


def test_an_error_in_a_block_is_raised():
    with pytest.raises(NameError, match="y"):
        run_blocks([Block(1, "y\n", None)], "sample")
