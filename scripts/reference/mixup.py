"""Writes what timm and torchvision make of small batches with mixup and CutMix, for given shares and boxes.

    python mixup.py packages/train/src/mixup/mix-reference.json

Needs torch, torchvision and timm. Torchvision mixes an image with the one before it, which is the batch in reverse order where there are
two images.
"""
import json
import sys

import timm.data.mixup as timm_mixup
import torch
from torchvision.transforms import v2

CLASSES, HEIGHT, WIDTH = 3, 4, 5
LABELS = torch.tensor([0, 2, 1, 2])


def images(count):
    numbers = torch.arange(count * 2 * HEIGHT * WIDTH)
    return ((numbers * 37 % 101).float() / 50 - 1).reshape(count, 2, HEIGHT, WIDTH)


def numbers(tensor):
    return [float(value) for value in tensor.flatten()]


def case(name, count, lam, box, result, smoothing=0.0):
    mixed, targets = result
    return {"name": name, "count": count, "lam": lam, "box": box, "labelSmoothing": smoothing,
            "images": numbers(mixed), "targets": numbers(targets)}


def of_timm(name, count, lam, box=None, smoothing=0.1, correct=True):
    """box: top, bottom, left, right"""
    mixup = timm_mixup.Mixup(mixup_alpha=1, cutmix_alpha=1, num_classes=CLASSES, label_smoothing=smoothing, correct_lam=correct)
    mixup._params_per_batch = lambda: (lam, box is not None)
    timm_mixup.rand_bbox = lambda *arguments, **options: box
    target_lam = lam if box is None or not correct else 1 - (box[1] - box[0]) * (box[3] - box[2]) / (HEIGHT * WIDTH)
    return case(name, count, target_lam, box, mixup(images(count), LABELS[:count]), smoothing)


def of_torchvision():
    mixup = v2.MixUp(num_classes=CLASSES)
    mixup._dist.sample = lambda *shape: torch.tensor(0.7, dtype=torch.float64)
    yield case("torchvision MixUp", 2, 0.7, None, mixup(images(2), LABELS[:2]))
    cutmix = v2.CutMix(num_classes=CLASSES)
    cutmix._dist.sample = lambda *shape: torch.tensor(0.2, dtype=torch.float64)
    draw = torch.randint
    centers = iter([3, 1])
    torch.randint = lambda *arguments, **options: torch.tensor([next(centers)])
    params = cutmix.make_params([images(2)])
    torch.randint = draw
    cutmix.make_params = lambda inputs: params
    left, top, right, bottom = params["box"]
    yield case("torchvision CutMix", 2, params["lam_adjusted"], [top, bottom, left, right], cutmix(images(2), LABELS[:2]))


tags = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
cases = [
    of_timm("timm mixup", 4, 0.3),
    of_timm("timm CutMix", 4, 0.3, [1, 3, 0, 2]),
    of_timm("timm CutMix, share not corrected", 2, 0.3, [0, 2, 1, 5], smoothing=0.0, correct=False),
    of_timm("timm, not mixed", 2, 1.0),
    *of_torchvision(),
]
with open(sys.argv[1], "w") as file:
    tag_targets = timm_mixup.mixup_target(tags, CLASSES, 0.3, 0.0, True)
    lines = ",\n".join("  " + json.dumps(one) for one in cases)
    file.write('{\n "cases": [\n%s\n ],\n "tags": %s\n}\n' % (lines, json.dumps({"lam": 0.3, "targets": numbers(tag_targets)})))
