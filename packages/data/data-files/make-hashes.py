"""Writes src/duplicates/imagehash-cases.json: the phash of imagehash 4.3.2 (Pillow 13.0.0) of pictures made by a formula.

Pillow 13 resizes some tall pictures vertically first, earlier versions none, which changes a few bits; such sizes are not among these.
"""
import json
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image


def picture(width, height, a, b, noise):
    """The same pixels as in duplicates.test.ts."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    wave = np.abs((x * a + y * b + c * 40) % 510 - 255)
    rough = (x * 7919 + y * 104729 + c * 1299709) * (x + 3 * y + 1) % 251
    return Image.fromarray(((wave * (16 - noise) + rough * noise) // 16).astype(np.uint8))


cases = []
for width, height in [(32, 32), (41, 25), (64, 17), (300, 200), (9, 10), (128, 96), (32, 77), (513, 31)]:
    for a, b, noise in [(3, 5, 0), (11, 2, 4), (1, 1, 16), (23, 17, 1)]:
        hash_ = str(imagehash.phash(picture(width, height, a, b, noise)))
        cases.append({"width": width, "height": height, "a": a, "b": b, "noise": noise, "phash": hash_})
out = Path(__file__).parent.parent / "src/duplicates/imagehash-cases.json"
out.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
