"""Figures that are made, not typed: what is measured, by what code, with what result, and the tables of it.

    plan.py          which runs are made, and which tables show them
    code_digest.py   a digest of the code that the steps of a figure import
    cells.py         one JSON file for each figure, in cells/
    measure.py       makes the runs, and writes the cells
    tables.py        the cells as Markdown, between markers in README and docs
    expectations.py  the cells as the section `expected` of the recipes

`benchmarks/make_results.py` is the command.
"""
