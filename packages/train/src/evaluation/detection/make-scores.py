"""Writes scores.json: random boxes with COCO's measures as pycocotools 2.0.11 computes them. python make-scores.py > scores.json"""

import contextlib
import json
import random
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

random.seed(1)
print(json.dumps([repr(x) for x in np.linspace(0.5, 0.95, 10).tolist()]), file=sys.stderr)
print(json.dumps([x for x in np.linspace(0, 1, 101).tolist() if x != round(x * 100) * 0.01]), file=sys.stderr)
cases = []
for classes, images, most in ((1, 4, 3), (3, 12, 6), (4, 3, 24)):
    truths, found = [], []
    for image in range(images):
        for _ in range(random.randint(0, most)):
            w, h = random.choice([(12, 20), (60, 50), (150, 120)])
            box = [round(random.uniform(0, 200), 2), round(random.uniform(0, 200), 2), w + random.random(), h]
            crowd = int(random.random() < 0.15)
            label = random.randrange(classes)
            area = round(box[2] * box[3] * random.uniform(0.5, 1), 1)
            truths.append({"image": image, "label": label, "box": box, "crowd": crowd, "area": area})
            for _ in range(random.randint(0, 4)):
                moved = [side + random.gauss(0, 0.08) * max(w, h) for side in box]
                moved[2:] = [max(1, side) for side in moved[2:]]
                guess = label if random.random() < 0.8 else random.randrange(classes)
                score = round(random.random(), 1 if most == 6 else 4)
                found.append({"image": image, "label": guess, "box": moved, "score": score})
    with contextlib.redirect_stdout(None):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": k + 1} for k in range(images)],
            "categories": [{"id": k + 1} for k in range(classes)],
            "annotations": [
                {"id": k + 1, "image_id": t["image"] + 1, "category_id": t["label"] + 1, "bbox": t["box"]}
                | {"area": t["area"], "iscrowd": t["crowd"]}
                for k, t in enumerate(truths)
            ],
        }
        coco.createIndex()
        results = coco.loadRes(
            [{"image_id": f["image"] + 1, "category_id": f["label"] + 1, "bbox": f["box"], "score": f["score"]} for f in found]
        )
        evaluation = COCOeval(coco, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    cases.append({"classes": classes, "images": images, "truths": truths, "found": found, "stats": evaluation.stats.tolist()})
print(json.dumps(cases, separators=(",", ":")))
