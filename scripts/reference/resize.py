"""Writes what Pillow makes of parts of pictures by resizing them, bicubic and antialiased.

    python resize.py packages/data/src/augment/resize.json

Needs numpy and Pillow before 13, which always starts with the horizontal pass. Pixels are bytes in base64.
"""
import base64
import json
import sys

import numpy as np
from PIL import Image

# Width and height of the picture; left, top, width and height of the part; side of the result, or its height and width.
CASES = [
    (9, 7, 0.7, 0.3, 7.5, 6.6, 4),
    (5, 6, 0.5, 1.25, 4.0, 3.75, 7),
    (40, 30, 0.0, 0.0, 40.0, 30.0, 16),
    (300, 500, 10.3, 5.2, 250.1, 480.7, 21),
    (1, 1, 0.0, 0.0, 1.0, 1.0, 3),
    (17, 61, 2.25, 1.0, 11.5, 59.125, 5),
    (61, 17, 1.0, 2.25, 59.125, 11.5, 5),
    (33, 35, 3.1, 2.9, 27.7, 30.3, 32),
    (8, 8, 0.0, 0.0, 8.0, 8.0, 8),
    (64, 48, 8.0, 0.0, 48.0, 48.0, 1),
    (64, 48, 0.0, 0.0, 64.0, 48.0, (12, 19)),
    (13, 29, 1.5, 0.0, 10.0, 29.0, (8, 33)),
]


def pattern(width, height, contrast):
    x, y, c = np.arange(width)[None, :, None], np.arange(height)[:, None, None], np.arange(3)[None, None, :]
    values = (x * 37 + y * 59 + c * 83 + x * y * 7) % 256
    return (np.where(values > 128, 255, 0) if contrast else values).astype(np.uint8)


cases = []
for contrast in (False, True):
    for width, height, left, top, across, down, size in CASES:
        image = Image.fromarray(pattern(width, height, contrast))
        high, wide = size if isinstance(size, tuple) else (size, size)
        result = image.resize((wide, high), Image.BICUBIC, box=(left, top, left + across, top + down))
        pixels = base64.b64encode(np.asarray(result).tobytes()).decode()
        box = {"left": left, "top": top, "width": across, "height": down}
        cases.append({"width": width, "height": height, "contrast": contrast, "box": box, "size": size, "pixels": pixels})
with open(sys.argv[1], "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
