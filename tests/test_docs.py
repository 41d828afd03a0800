"""The code of the README and of every page in docs/ runs and prints what it shows."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# A python block, and the text block that follows directly after it, if one does.
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```[ ]*$(?:\s*^```(?:text)?[ ]*\n(?P<output>.*?)^```[ ]*$)?", re.MULTILINE | re.DOTALL
)
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
        with redirect_stdout(io.StringIO()) as printed:
            exec(program, namespace)
        if block.output is not None:
            assert without_trailing_space(printed.getvalue()) == without_trailing_space(block.output), (
                f"{filename}, line {block.line}: the block prints something else than the page shows"
            )


def without_trailing_space(text):
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


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


def test_an_error_in_a_block_is_raised():
    with pytest.raises(NameError, match="y"):
        run_blocks([Block(1, "y\n", None)], "sample")
