"""A sheet to draw on in pixels, from the top left: what the PNGs are painted with.

Text is measured before it is set, and shortened where it would not fit; matplotlib is used by its
objects only, never by pyplot (slow to import, and it holds figures in a global), and imported late.
"""

from __future__ import annotations

import functools
import io
import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from agentchaos.renderers.wording import PALETTE, quantity

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.font_manager import FontProperties

ELLIPSIS = "\u2026"
UNKNOWN = "\u25a1"
"""Stands for a character that the font has not."""
DPI = 72
"""At 72 dots an inch a point is a pixel: sizes of type and widths of lines are in pixels, too."""

Point = tuple[float, float]
Align = Literal["left", "center", "right"]


class Box(NamedTuple):
    """A rectangle on the sheet, in pixels from the top left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h


def colour(name: str) -> str:
    """A colour of the palette by its meaning; a colour as it is."""
    return name if name.startswith("#") else PALETTE.get(name, PALETTE["muted"])


def tint(name: str, share: float) -> str:
    """A colour with so much of it in white; opaque, so that what lies over it mixes with nothing."""
    parts = (int(colour(name)[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)


@contextmanager
def plain_style() -> Iterator[None]:
    """Matplotlib as it is delivered: a style file of whoever runs this must not change the bytes."""
    import matplotlib

    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    with matplotlib.rc_context({**defaults, "hatch.linewidth": 2.2}):
        yield


class Sheet:
    """A picture of `width` x `height` pixels. What is drawn later lies over what was drawn before."""

    def __init__(self, width: int, height: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.width, self.height = width, height
        # the hair keeps 1599.999 from becoming 1599
        size = ((width + 0.01) / DPI, (height + 0.01) / DPI)
        self._figure = Figure(figsize=size, dpi=DPI, facecolor=PALETTE["paper"])
        # untyped in matplotlib
        self._canvas: Any = FigureCanvasAgg(self._figure)
        self._down = Affine2D().scale(1, -1).translate(0, height)
        self._layer = 0

    def png(self) -> bytes:
        """The picture, in 256 colours (a third of the bytes); nothing in it tells when it was made."""
        from PIL import Image

        self._canvas.draw()
        places, palette = few_colours(bytes(self._canvas.buffer_rgba()))
        picture = Image.frombytes("P", (self.width, self.height), places)
        picture.putpalette(palette)
        buffer = io.BytesIO()
        picture.save(buffer, "png")
        return buffer.getvalue()

    def _add(self, artist: Artist) -> None:
        self._layer += 1
        artist.set_zorder(self._layer)
        artist.set_transform(self._down)
        self._figure.add_artist(artist)

    # -- shapes

    def rect(self, box: Box, fill: str, *, edge: str | None = None, round_: float = 0.0) -> None:
        """A rectangle, perhaps with round corners."""
        from matplotlib.patches import FancyBboxPatch, Rectangle

        style = {"facecolor": colour(fill), "edgecolor": colour(edge) if edge else "none", "linewidth": 1.5}
        if round_:
            shape = f"round,pad=0,rounding_size={round_}"
            self._add(FancyBboxPatch((box.x, box.y), box.w, box.h, boxstyle=shape, **style))  # type: ignore[arg-type]
        else:
            self._add(Rectangle((box.x, box.y), box.w, box.h, **style))  # type: ignore[arg-type]

    def rects(self, boxes: Sequence[Box], fill: str, alpha: float = 1.0) -> None:
        """Many rectangles of one colour, as one artist: lanes have thousands."""
        from matplotlib.collections import PolyCollection

        corners = [[(b.x, b.y), (b.right, b.y), (b.right, b.bottom), (b.x, b.bottom)] for b in boxes]
        if corners:
            self._add(PolyCollection(corners, facecolors=colour(fill), edgecolors="none", alpha=alpha))

    def line(
        self,
        points: Sequence[Point],
        ink: str,
        width: float = 2.0,
        *,
        dashed: bool = False,
    ) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        line = Line2D([x for x, _ in points], [y for _, y in points], color=colour(ink), linewidth=width)
        line.set_solid_capstyle("butt")
        if dashed:
            line.set_linestyle((0, (6 / width, 4 / width)))
        self._add(line)

    def area(self, corners: Sequence[Point], fill: str) -> None:
        """A filled shape with straight sides."""
        from matplotlib.collections import PolyCollection

        self._add(PolyCollection([list(corners)], facecolors=colour(fill), edgecolors="none"))

    def lines(self, strokes: Sequence[tuple[Point, Point]], ink: str, width: float) -> None:
        """Many strokes of one colour, as one artist."""
        from matplotlib.collections import LineCollection

        if strokes:
            self._add(LineCollection(list(strokes), colors=colour(ink), linewidths=width))

    def circle(self, centre: Point, radius: float, edge: str, width: float = 1.5) -> None:
        """A ring."""
        from matplotlib.patches import Circle

        self._add(Circle(centre, radius, facecolor="none", edgecolor=colour(edge), linewidth=width))

    def mark(
        self, at: Point, shape: str, size: float, fill: str, edge: str = "paper", width: float = 2.0
    ) -> None:
        """A marker of matplotlib; fill "": a hollow one."""
        from matplotlib.lines import Line2D

        style = {"markerfacecolor": colour(fill) if fill else "none", "markeredgecolor": colour(edge)}
        marker = Line2D([at[0]], [at[1]], marker=shape, markersize=size, markeredgewidth=width, **style)  # type: ignore[arg-type]
        marker.set_linestyle("none")
        self._add(marker)

    def curve(self, start: Point, bends: Sequence[Point], fill: str, edge: str, *, how: str = "full") -> None:
        """A closed shape of cubic curves, three points each. how: full | hatched | empty."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        path = Path([start, *bends], [Path.MOVETO] + [Path.CURVE4] * len(bends))
        patch = PathPatch(path, facecolor=colour(fill), edgecolor=colour(edge), linewidth=2.5)
        if how == "hatched":
            patch.set_hatch("//")
        elif how == "empty":
            patch.set_linestyle((0, (3, 2)))
        self._add(patch)

    # -- text

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 20.0,
        ink: str = "ink",
        *,
        bold: bool = False,
        align: Align = "left",
        width: float | None = None,
        backed: bool = False,
    ) -> float:
        """Sets a line with its base at `y`, cut to `width`; gives the width that it took.

        backed: on a patch of paper, to be read over lines.
        """
        from matplotlib.text import Text

        words = self.fit(words, width, size, bold=bold) if width is not None else settable(words)
        if not words:
            return 0.0
        took = self.measure(words, size, bold=bold)
        if backed:
            left = x - {"left": 0.0, "center": took / 2, "right": took}[align]
            self.rect(Box(left - 4, y - size * 0.86, took + 8, size * 1.12), "paper")
        self._add(
            Text(
                x, y, words, color=colour(ink), fontproperties=font(size, bold), horizontalalignment=align,
                verticalalignment="baseline", parse_math=False,
            )
        )  # fmt: skip
        return took

    def measure(self, words: str, size: float, *, bold: bool = False) -> float:
        """How wide a line is."""
        return _width(settable(words), size, bold)

    def fit(self, words: str, width: float, size: float, *, bold: bool = False) -> str:
        """The line, shortened to `width` with an ellipsis."""
        return shorten(settable(words), width, lambda part: self.measure(part, size, bold=bold))

    def size_for(
        self, words: str, width: float, size: float, *, bold: bool = False, least: float = 12.0
    ) -> float:
        """The largest size down to `least` at which it fits: a number is set smaller, never cut."""
        while size > least and self.measure(words, size, bold=bold) > width:
            size -= 1.0
        return size

    def wrap(self, words: str, width: float, size: float, lines: int) -> list[str]:
        """At most so many lines of at most that width; the last one shortened."""
        wrapped: list[str] = []
        rest = settable(words).split()
        while rest and len(wrapped) < lines - 1:
            took = 1
            while took < len(rest) and self.measure(" ".join(rest[: took + 1]), size) <= width:
                took += 1
            wrapped.append(self.fit(" ".join(rest[:took]), width, size))
            rest = rest[took:]
        return [*wrapped, self.fit(" ".join(rest), width, size)] if rest else wrapped


def few_colours(rgba: bytes, most: int = 256) -> tuple[bytes, bytes]:
    """(place of each pixel, palette): the commonest colours exactly, each other one as the nearest of them.

    Pillow's own ways shift flat colours by some steps, of which a white ground is the first to tell.
    """
    import numpy as np

    pixels = np.frombuffer(rgba, "<u4") & 0xFFFFFF
    seen, place = np.zeros(1 << 24, bool), np.zeros(1 << 24, np.uint32)
    seen[pixels] = True
    found = np.flatnonzero(seen)
    place[found] = np.arange(len(found))
    index = place[pixels]
    kept = np.lexsort((found, -np.bincount(index)))[:most]
    rgb = np.stack([found & 0xFF, found >> 8 & 0xFF, found >> 16], axis=1).astype(np.int32)
    distance = sum((rgb[:, None, k] - rgb[None, kept, k]) ** 2 for k in range(3))
    nearest = np.argmin(distance, axis=1).astype(np.uint8)
    return nearest[index].tobytes(), rgb[kept].astype(np.uint8).tobytes()


def shorten(words: str, width: float, measure: Callable[[str], float]) -> str:
    """The longest beginning that fits with an ellipsis; the words themselves where they fit."""
    if measure(words) <= width:
        return words
    fits, not_ = 0, len(words)
    while not_ - fits > 1:
        middle = (fits + not_) // 2
        if measure(words[:middle].rstrip() + ELLIPSIS) <= width:
            fits = middle
        else:
            not_ = middle
    return words[:fits].rstrip() + ELLIPSIS


@functools.cache
def font(size: float, bold: bool = False) -> FontProperties:
    """DejaVu Sans out of matplotlib's own folder: another version on the machine would move text."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=_font_file(bold), size=size)


@functools.lru_cache(maxsize=10_000)
def _width(words: str, size: float, bold: bool) -> float:
    return float(_ruler().get_text_width_height_descent(words, font(size, bold), False)[0])


@functools.cache
def _ruler() -> Any:
    """What measures text: nothing is drawn on it."""
    from matplotlib.backends.backend_agg import RendererAgg

    # untyped in matplotlib
    make: Any = RendererAgg
    return make(1, 1, DPI)


def _font_file(bold: bool) -> str:
    import matplotlib

    return f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf"


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_font_file(False)).get_charmap()) & frozenset(
        FT2Font(_font_file(True)).get_charmap()
    )


def settable(words: str) -> str:
    """The words as one line of characters that the font has: a missing one would warn, and leave a hole."""
    if words.isascii() and words.isprintable():
        return words
    words = " ".join(unicodedata.normalize("NFC", words).split())
    return "".join(c if ord(c) in _glyphs() and c.isprintable() else UNKNOWN for c in words)


# -- axes of time: pure


class Scale(NamedTuple):
    """Seconds -> pixels. log: with a place for 0 at the left where `zero`."""

    left: float
    width: float
    low: float
    high: float
    log: bool = False
    zero: bool = False

    def at(self, seconds: float) -> float:
        """Where a value lies; what is beyond an end lies at it."""
        if not self.log:
            share = (seconds - self.low) / (self.high - self.low)
            return self.left + self.width * min(1.0, max(0.0, share))
        if seconds <= 0:
            return self.left
        start = self.width * 0.12 if self.zero else 0.0
        share = math.log(seconds / self.low) / math.log(self.high / self.low)
        return self.left + start + (self.width - start) * min(1.0, max(0.0, share))

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """(value, label) of at most so many ticks; 0 where it has a place is one more."""
        if not self.log:
            step = nice_step((self.high - self.low) / most)
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            return [(k * step, moment(k * step, step)) for k in range(first, last + 1)]
        inside = [v for v in _LOG_TICKS if self.low <= v <= self.high]
        # every third of 1, 3, 10, 30 ... would be uneven; every second is a power of ten
        thinned = inside[:: max(1, 2 * math.ceil(len(inside) / most / 2)) if len(inside) > most else 1]
        return [(0.0, "0")] * self.zero + [(v, moment(v, v) if v >= 1 else quantity(v, "s")) for v in thinned]


_STEPS = [
    *(a * 10.0**b for b in range(-9, 0) for a in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200),
    *(86400 * a * 10.0**b for b in range(9) for a in (1, 2, 5)),
]  # fmt: skip
_LOG_TICKS = [
    *(a * 10.0**b for b in range(-9, 0) for a in (1, 3)),
    *(1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800, 36000),
    *(86400 * a * 10.0**b for b in range(9) for a in (1, 3)),
]  # fmt: skip


def scale_for(values: Sequence[float], left: float, width: float) -> Scale:
    """A scale from 0 that holds the values; logarithmic where they span a decade and a half."""
    finite = [v for v in values if math.isfinite(v) and v >= 0]
    positive = [v for v in finite if v > 0]
    if not positive:
        return Scale(left, width, 0.0, 1.0)
    low, high = min(positive), max(positive)
    if high / low < 30:
        return Scale(left, width, 0.0, high * 1.1)
    return Scale(left, width, low / 1.5, high * 1.5, log=True, zero=len(positive) < len(finite))


def nice_step(least: float) -> float:
    """The smallest step of clocks and calendars that is no smaller than that."""
    return next((step for step in _STEPS if step >= least * (1 - 1e-9)), _STEPS[-1])


def moment(seconds: float, step: float) -> str:
    """A moment on an axis, no finer than its step: `1 h 05 min`, `12 min 30 s`, `0.25 s`."""
    if seconds == 0:
        return "0"
    if step >= 86400:
        return f"{seconds / 86400:,.0f} d"
    if step < 1:
        return f"{seconds:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours} h"] if hours else []
    if minutes or (step < 60 and hours):
        parts.append(f"{minutes:02d} min" if hours else f"{minutes} min")
    if left and step < 60:
        parts.append(f"{left:02d} s" if parts else f"{left} s")
    return " ".join(parts)
