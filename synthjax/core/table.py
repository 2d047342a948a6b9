"""Text tables: the one formatter of everything that is printed in columns."""

from collections.abc import Iterable, Sequence

_GAP = "  "  # between two columns of a terminal


def format_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    align: str = "r",
    width: int | None = None,
    markdown: bool = False,
) -> str:
    """Return a table as text, a line for its headers and one for each row.

    For a terminal the columns are padded to their widest cell and stand two spaces
    apart. In Markdown the cells are kept in one line and their bars are escaped, so
    that no text can break the table.

    Args:
      headers: one for each column.
      rows: cells of each row, as many as there are headers.
      align: "l" (left) or "r" (right) for each column; the last letter holds for all
        further columns.
      width: longest line of a terminal, in characters: text of the first column is cut
        to fit, and ends in "..." then. None cuts nothing.
      markdown: whether to write Markdown instead of text for a terminal.

    Raises:
      ValueError: a row has another number of cells than there are headers, or `align`
        has another letter.
    """
    if not align or set(align) - {"l", "r"}:
        raise ValueError(f'align={align!r}: must be letters "l" and "r"')
    lines = [list(headers), *(list(row) for row in rows)]
    for cells in lines:
        if len(cells) != len(headers):
            raise ValueError(f"{cells}: must be {len(headers)} cells, one per header")
    sides = [align[min(i, len(align) - 1)] for i in range(len(headers))]
    if markdown:
        head, *body = (f"| {' | '.join(map(_escape, cells))} |" for cells in lines)
        rule = "".join({"l": "|---", "r": "|---:"}[side] for side in sides)
        return "\n".join((head, f"{rule}|", *body))
    widths = [max(map(len, column)) for column in zip(*lines)]
    if width is not None:
        widths[0] = min(widths[0], width - sum(len(_GAP) + w for w in widths[1:]))
        lines = [[_cut(first, widths[0]), *others] for first, *others in lines]
    pad = {"l": str.ljust, "r": str.rjust}
    return "\n".join(
        _GAP.join(pad[s](c, w) for c, w, s in zip(cells, widths, sides)).rstrip()
        for cells in lines
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
