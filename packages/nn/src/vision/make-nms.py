"""Writes nms.json: random boxes with what torchvision 0.29's batched_nms keeps of them. python make-nms.py > nms.json"""

import json

import torch
from torchvision.ops import batched_nms, nms

torch.manual_seed(1)
cases = []


def record(boxes, scores, classes, threshold):
    cases.append(
        {
            "boxes": boxes.flatten().tolist(),
            "scores": scores.tolist(),
            "classes": classes.tolist(),
            "threshold": threshold,
            "nms": nms(boxes, scores, threshold).tolist(),
            "batched": batched_nms(boxes, scores, classes, threshold).tolist(),
        }
    )


def corners(count, spread, sizes):
    corner = torch.rand(count, 2) * spread
    return torch.cat([corner, corner + sizes[0] + torch.rand(count, 2) * (sizes[1] - sizes[0])], 1)


for count, classes, threshold in ((0, 1, 0.5), (1, 1, 0.5), (12, 1, 0.0), (40, 3, 0.5), (40, 2, 0.3), (60, 5, 0.7), (30, 1, 1.0)):
    # Rounded, so that the file is short and the numbers are those of both.
    boxes = (corners(count, 60, (8, 40)) * 8).round() / 8
    record(boxes, (torch.rand(count) * 1024).round() / 1024, torch.randint(classes, (count,)), threshold)
# Whole numbers: overlaps that are exactly the threshold, equal scores, equal boxes, and boxes without area.
for threshold in (0.25, 0.5, 0.75):
    corner = torch.randint(0, 4, (40, 2))
    boxes = torch.cat([corner, corner + torch.randint(0, 5, (40, 2))], 1).float()
    record(boxes, torch.randint(0, 8, (40,)).float() / 8, torch.randint(2, (40,)), threshold)
# In shares of the image, as models predict them.
boxes = (corners(30, 0.6, (0.1, 0.4)) * 4096).round() / 4096
record(boxes, (torch.rand(30) * 1024).round() / 1024, torch.randint(2, (30,)), 0.4)
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
