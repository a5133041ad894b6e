#!/usr/bin/env python3
"""Checks what noyau-study wrote into a folder: usage: tests/check_report.py FOLDER [TEXT_OF_THE_PAGE...]

Every row ended, the page is well formed and loads nothing from elsewhere, figures and tables are there and have no
gaps where numbers should be, the best network was explained and inspected, and the page holds the given texts.
"""
import csv
import json
import pathlib
import sys
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

# What the page and tables/ hold of the best network; the verdict is a table or the sentence that there can be none.
INSIGHT = ("Explain: why does the best network say what it says?", "Which method is to be used here?",
           "What the layers learned", "How was this measured?")
INSIGHT_TABLES = ("explain", "agreement", "layers-layers", "layers-units")
NO_VERDICT = "no verdict on them can be given"

VOID = {"meta", "br", "hr", "img", "input", "link", "col", "path", "line", "rect", "circle"}


class Page(HTMLParser):
    """Open elements, external addresses and the text of a page."""

    def __init__(self):
        super().__init__()
        self.open, self.problems, self.words = [], [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "src" and not (value or "").startswith("data:"):
                self.problems.append(f"<{tag}> loads {value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> at line {self.getpos()[0]} closes something else")

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)


def check(folder, wanted):
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    problems = [f"row {row['run']} is {row['status']}" for row in rows if row["status"] not in ("done", "diverged")]
    if not rows:
        problems.append("there are no rows")
    page = Page()
    page.feed((folder / "report.html").read_text())
    problems += page.problems + [f"<{tag}> is not closed" for tag in page.open]
    text = " ".join(" ".join(page.words).split())
    problems += [f"the page lacks '{words}'" for words in wanted if words not in text]
    problems += [f"the page says '{word}'" for word in ("nan", "-nan", "inf", "null") if f" {word} " in text]
    problems += [f"the page lacks '{words}'" for words in INSIGHT if words not in text]
    problems += [f"there is no table {name}" for name in INSIGHT_TABLES if not (folder / f"tables/{name}.csv").exists()]
    if not (folder / "tables/verdict.csv").exists() and NO_VERDICT not in text:
        problems.append("there is no verdict on Grad-CAM++")
    figures, tables = sorted(folder.glob("figures/*.svg")), sorted(folder.glob("tables/*.csv"))
    if not figures or not tables:
        problems.append("there are no figures or no tables")
    for figure in figures:
        xml.parse(figure)
    for table in tables:
        widths = {len(row) for row in csv.reader(table.open(newline=""))}
        if len(widths) != 1:
            problems.append(f"{table.name} has rows of {sorted(widths)} cells")
    print(f"report: {len(rows)} rows, {len(figures)} figures, {len(tables)} tables, {len(problems)} problems")
    return problems


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    problems = check(pathlib.Path(sys.argv[1]), sys.argv[2:])
    sys.exit("\n".join(problems) or 0)


if __name__ == "__main__":
    main()
