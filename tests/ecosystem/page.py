"""The table of docs/ecosystem.md."""

from .kinds import KINDS
from .tools import SECTIONS, TOOLS

START, END = "<!-- table: begin -->", "<!-- table: end -->"
WORDS = {
    "works": "works",
    "refused": "refused",
    "splitter": "works with a splitter",
    "wrong": "wrong",
    "not meant": "–",
}


def renewed(text):
    """Return the page with its table written anew."""
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n\n{table()}\n{END}{after}"


def table():
    notes = list(dict.fromkeys(note for tool in TOOLS for kind in KINDS if (note := tool.expected(kind)[1])))
    number = {note: place for place, note in enumerate(notes, start=1)}
    lines = []
    for section, tools in SECTIONS.items():
        lines += [f"### {section}", ""]
        lines += [row(["tool", *KINDS.values(), "instead"]), row(["---"] * (len(KINDS) + 2))]
        lines += [row([tool.name, *(cell(tool, kind, number) for kind in KINDS), tool.instead]) for tool in tools]
        lines.append("")
    lines += ["### What they say", "", row(["", "in the tool's own words"]), row(["---"] * 2)]
    lines += [row([f"[{number[note]}]", words(note)]) for note in notes]
    return "\n".join([*lines, ""])


def cell(tool, kind, number):
    status, note = tool.expected(kind)
    return WORDS[status] if note is None else f"{WORDS[status]} [{number[note]}]"


def words(note):
    return (
        note.says
        if note.error is None
        else f"`{note.error}: {note.says}`"
        if "`" not in note.says
        else (f"`` {note.error}: {note.says} ``")
    )


def row(cells):
    return f"| {' | '.join(cells)} |"
