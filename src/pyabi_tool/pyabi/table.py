"""Tables of plain text."""


def lines(header, rows):
    """The lines of a table: numbers to the right, everything else to the left, in columns as wide as needed."""
    texts = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts)]
    numeric = [
        bool(rows) and all(isinstance(cell, int) for cell in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(header)
    for row in texts:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric)
        )
        yield "  ".join(cells).rstrip()


def show(header, rows):
    """Prints a table."""
    for line in lines(header, rows):
        print(line)
