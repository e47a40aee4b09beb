"""Markdown, a row at a time, so that it shows while a measurement runs."""


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
