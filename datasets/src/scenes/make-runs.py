"""Writes runs.json: masks of polygons and counts as pycocotools 2.0.11 computes them. python make-runs.py > runs.json"""

import json
import random

import numpy as np
from pycocotools import mask as coco

random.seed(0)
cases, texts = [], []


def add(outline, height, width):
    isText = isinstance(outline, dict) and isinstance(outline["counts"], str)
    runs = {**outline, "counts": outline["counts"].encode()} if isText else coco.frPyObjects(outline, height, width)
    merged = coco.merge(runs) if isinstance(runs, list) else runs
    pixels = coco.decode(merged)
    texts.append(merged["counts"].decode())
    cases.append(
        {
            "height": height,
            "width": width,
            "outline": outline,
            "rows": ["".join(map(str, row)) for row in pixels],
        }
    )


for k in range(24):
    height, width = random.randint(1, 17), random.randint(1, 23)
    # Two decimals as in COCO; some corners are outside of the picture, some polygons cross themselves.
    corner = lambda: [round(random.uniform(-3, width + 3), 2), round(random.uniform(-3, height + 3), 2)]
    polygons = [sum((corner() for _ in range(random.randint(3, 9))), []) for _ in range(random.randint(1, 3))]
    add(polygons, height, width)
add([[0, 0, 7, 0, 7, 5, 0, 5]], 6, 8)
add([[0.1, 0.3, 0.7, 0.3, 0.7, 0.9]], 2, 2)
add([[1, 1, 1, 1, 1, 1]], 4, 4)
for k in range(6):
    height, width = random.randint(1, 12), random.randint(1, 40)
    mask = np.asfortranarray((np.random.default_rng(k).random((height, width)) < 0.2 * k).astype(np.uint8))
    flat = mask.ravel("F")
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1), flat.size]
    counts = [int(b - a) for a, b in zip(edges, edges[1:])]
    add({"size": [height, width], "counts": ([0] if flat[0] else []) + counts}, height, width)
for case, text in list(zip(cases, texts)):
    add({"size": [case["height"], case["width"]], "counts": text}, case["height"], case["width"])
print("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "]")
