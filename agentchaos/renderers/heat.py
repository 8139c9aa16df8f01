"""A heat map: values of a grid as shades, each with its number; for any table of two parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentchaos.renderers.paint import Box, Sheet, tint

Grid = Sequence[Sequence[float | None]]
"""Rows (from the top) of columns; None: not measured."""


def heat_map(
    sheet: Sheet,
    box: Box,
    grid: Grid,
    across: Sequence[str],
    down: Sequence[str],
    *,
    titles: tuple[str, str] = ("", ""),
    words: Callable[[float], str] = "{:.3g}".format,
    ink: str = "useful",
    marked: Sequence[tuple[int, int]] = (),
) -> None:
    """Draws a grid into a box.

    across, down: labels of columns and rows; titles: what they are. words: how a value is written; more is
    darker. marked: (row, column) of cells that are framed.
    """
    left = 14 + max([sheet.measure(label, 15) for label in down], default=0.0)
    left = min(max(left, sheet.measure(titles[1], 15, bold=True) + 8), box.w * 0.4)
    plot = Box(box.x + left, box.y + 8, box.w - left, box.h - 62)
    known = [v for row in grid for v in row if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    width, height = plot.w / max(1, len(across)), plot.h / max(1, len(down))
    for r, row in enumerate(grid):
        for c, value in enumerate(row):
            cell = Box(plot.x + c * width, plot.y + r * height, width - 2, height - 2)
            share = 0.0 if value is None or high == low else (value - low) / (high - low)
            sheet.rect(cell, "idle" if value is None else tint(ink, 0.10 + 0.75 * share))
            text = "-" if value is None else words(value)
            size = sheet.size_for(text, width - 8, min(19.0, height * 0.5), least=8.0)
            shade = "paper" if share > 0.6 else "ink"
            middle = cell.y + cell.h / 2 + size * 0.36
            sheet.text(cell.x + cell.w / 2, middle, text, size, shade, align="center", width=width - 2)
    for r, c in marked:
        frame = Box(plot.x + c * width + 1.5, plot.y + r * height + 1.5, width - 5, height - 5)
        corners = [(frame.x, frame.y), (frame.right, frame.y), (frame.right, frame.bottom)]
        sheet.line([*corners, (frame.x, frame.bottom), corners[0]], "good", 3.0)
    for r, label in enumerate(down):
        base = plot.y + (r + 0.5) * height + 5
        sheet.text(plot.x - 8, base, label, 15, "muted", align="right", width=left - 10)
    every = max(1, -(-len(across) * 40 // max(1, int(plot.w))))
    for c, label in enumerate(across):
        if c % every == 0:
            centre = plot.x + (c + 0.5) * width
            sheet.text(centre, plot.bottom + 20, label, 15, "muted", align="center", width=width * every)
    sheet.text(plot.x + plot.w / 2, plot.bottom + 44, titles[0], 15, bold=True, align="center", width=plot.w)
    sheet.text(box.x, box.y + 2, titles[1], 15, bold=True, width=left - 8)
