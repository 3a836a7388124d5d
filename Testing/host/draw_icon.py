"""Draw the module's icon: a body slice with a target in it, and a lock. Always the same picture.

    python Testing/host/draw_icon.py [FILE]

128 x 128 RGBA, drawn as inequalities on a grid eight times as fine, then averaged.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

ICON = Path(__file__).resolve().parents[2] / "EncryptSecureRT/Resources/Icons/EncryptSecureRT.png"
SIZE = 128
_FINE = 8
_NAVY, _SKIN, _TARGET, _GOLD, _DARK = (
    (24, 52, 84),
    (205, 222, 236),
    (206, 66, 58),
    (242, 183, 58),
    (70, 48, 10),
)
Mask = npt.NDArray[np.bool_]


def draw() -> npt.NDArray[np.uint8]:
    """Return the picture, (row, column, RGBA), straight alpha."""
    axis = (np.arange(SIZE * _FINE) + 0.5) / _FINE
    y, x = axis[:, None], axis[None, :]
    picture = np.zeros((SIZE * _FINE, SIZE * _FINE, 4), dtype=np.float64)

    def ellipse(centre_x: float, centre_y: float, radius_x: float, radius_y: float) -> Mask:
        inside = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2 <= 1
        return np.asarray(inside, dtype=np.bool_)

    def box(left: float, top: float, right: float, bottom: float) -> Mask:
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        return np.asarray(inside, dtype=np.bool_)

    def paint(mask: Mask, colour: tuple[int, int, int]) -> None:
        picture[mask] = (*colour, 255)

    corner = np.abs(x - 64) ** 8 + np.abs(y - 64) ** 8 <= 62.0**8
    paint(np.asarray(corner, dtype=np.bool_), _NAVY)
    paint(ellipse(58, 54, 48, 36), _SKIN)
    paint(ellipse(37, 52, 15, 22), _NAVY)
    paint(ellipse(79, 52, 15, 22), _NAVY)
    paint(ellipse(81, 47, 9, 9), _TARGET)
    paint(ellipse(81, 47, 3, 3), _SKIN)
    shackle = ellipse(90, 80, 16, 18) & ~ellipse(90, 80, 10, 12) & (y <= 80)
    legs = box(74, 80, 80, 92) | box(100, 80, 106, 92)
    paint(np.asarray(shackle | legs, dtype=np.bool_), _GOLD)
    paint(box(66, 88, 114, 120), _GOLD)
    paint(ellipse(90, 100, 5, 5) | box(88, 100, 92, 112), _DARK)

    cells = picture.reshape(SIZE, _FINE, SIZE, _FINE, 4)
    covered = (cells[..., 3] > 0).sum(axis=(1, 3))
    colours = cells[..., :3].sum(axis=(1, 3)) / np.maximum(covered, 1)[..., None]
    alpha = covered * 255.0 / _FINE**2
    pixels: npt.NDArray[np.uint8] = np.rint(np.dstack([colours, alpha])).astype(np.uint8)
    return pixels


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return the picture as PNG without any text or date in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    height, width, _ = pixels.shape
    rows = b"".join(b"\x00" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ICON
    path.write_bytes(encode_png(draw()))
