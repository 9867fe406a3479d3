"""A graph of a group's measurements as a PNG: `$SNAPSHOT`, which Slack can show. Pure, standard library only.

Called by `app_pages`. Drawn at twice the size that it is shown at, so that its lines look smooth.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 96, 24, 24, 46
Colour = tuple[int, int, int]
PAPER, GRID, INK = (255, 255, 255), (232, 236, 239), (81, 96, 107)
LINE, CRITICAL, WARNING, BAD_GROUND = (122, 95, 208), (179, 34, 59), (185, 119, 14), (253, 240, 242)
SCALE = 3  # pixels of one dot of a letter
# Five columns of seven dots each, lowest bit on top.
LETTERS = {
    "0": (62, 81, 73, 69, 62), "1": (0, 66, 127, 64, 0), "2": (66, 97, 81, 73, 70), "3": (33, 65, 69, 75, 49),
    "4": (24, 20, 18, 127, 16), "5": (39, 69, 69, 69, 57), "6": (60, 74, 73, 73, 48), "7": (1, 113, 9, 5, 3),
    "8": (54, 73, 73, 73, 54), "9": (6, 73, 73, 41, 30), ".": (0, 96, 96, 0, 0), "%": (35, 19, 8, 100, 98),
    "s": (72, 84, 84, 84, 32), "/": (32, 16, 8, 4, 2), "-": (8, 8, 8, 8, 8), ":": (0, 54, 54, 0, 0),
}  # fmt: skip


class Canvas:
    """Pixels to draw on."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(bytes(PAPER) * width) for _ in range(height)]

    def box(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """A filled rectangle; what lies outside is left out."""
        first, last = max(0, x), min(self.width, x + width)
        if last > first:
            for row in self._rows[max(0, y) : max(0, min(self.height, y + height))]:
                row[3 * first : 3 * last] = bytes(colour) * (last - first)

    def line(self, x0: int, y0: int, x1: int, y1: int, colour: Colour, thick: int = 4) -> None:
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step // steps, y0 + (y1 - y0) * step // steps
            self.box(x - thick // 2, y - thick // 2, thick, thick, colour)

    def dashes(self, y: int, colour: Colour) -> None:
        for x in range(LEFT, self.width - RIGHT, 18):
            self.box(x, y - 1, min(10, self.width - RIGHT - x), 3, colour)

    def write(self, words: str, right: int, middle: int, colour: Colour) -> None:
        """Words that end at `right`; letters that are not known leave a gap."""
        x = right - len(words) * 6 * SCALE
        for letter in words:
            for column, dots in enumerate(LETTERS.get(letter, ())):
                for row in range(7):
                    if dots >> row & 1:
                        at_y = middle + (row - 3) * SCALE - 1
                        self.box(x + column * SCALE, at_y, SCALE, SCALE, colour)
            x += 6 * SCALE

    def png(self) -> bytes:
        """The picture as a file."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in self._rows), 6)
        parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def graph(
    points: Sequence[tuple[float, float]], critical: float, warning: float | None, *, above: bool, unit: str
) -> bytes:
    """Values over time with their thresholds. `points`: Unix seconds and value, oldest first."""
    canvas = Canvas()
    highest = max([critical * 1.35, warning or 0.0, *(value * 1.12 for _, value in points)]) or 1.0
    bottom = HEIGHT - BOTTOM

    def y_of(value: float) -> int:
        return bottom - round(value / highest * (bottom - TOP))

    limit = y_of(critical)
    canvas.box(
        LEFT, TOP if above else limit, WIDTH - LEFT - RIGHT, limit - TOP if above else bottom - limit, BAD_GROUND
    )
    canvas.box(LEFT, bottom, WIDTH - LEFT - RIGHT, 2, INK)
    for part in (0.5, 1.0):
        canvas.box(LEFT, y_of(highest * part), WIDTH - LEFT - RIGHT, 1, GRID)
    if warning is not None:
        canvas.dashes(y_of(warning), WARNING)
    canvas.dashes(limit, CRITICAL)
    canvas.write(f"{critical:g}{unit}", LEFT - 10, limit, CRITICAL)
    canvas.write("0", LEFT - 10, bottom - 10, INK)
    if points:
        _draw_values(canvas, points, y_of)
    return canvas.png()


def _draw_values(canvas: Canvas, points: Sequence[tuple[float, float]], y_of: Callable[[float], int]) -> None:
    first_s, last_s = points[0][0], max(points[-1][0], points[0][0] + 1.0)
    places = [
        (LEFT + round((at_s - first_s) / (last_s - first_s) * (WIDTH - LEFT - RIGHT)), y_of(value))
        for at_s, value in points
    ]
    for (x0, y0), (x1, y1) in pairwise(places):
        canvas.line(x0, y0, x1, y1, LINE)
    x, y = places[-1]
    canvas.box(x - 7, y - 7, 14, 14, LINE)
    for at_s, right in ((first_s, LEFT + 8 * 6 * SCALE), (last_s, WIDTH - RIGHT)):
        moment = datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S")
        canvas.write(moment, right, HEIGHT - BOTTOM // 2, INK)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
