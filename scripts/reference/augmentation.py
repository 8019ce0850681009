"""Writes what torchvision makes of one picture with each operation of automatic augmentation.

    python augmentation.py packages/data/src/augment/policy-operations.json

Needs torch and torchvision. The picture and the results are bytes in base64.
"""
import base64
import json
import sys

import torch
from torchvision.transforms.autoaugment import _apply_op
from torchvision.transforms.functional import InterpolationMode

FILL = [255.0, 128.0, 7.0]
OPERATIONS = {
    "shearX": ("ShearX", [0.3, -0.17]), "shearY": ("ShearY", [0.99, -0.11]),
    "translateX": ("TranslateX", [5.9, -3.2]), "translateY": ("TranslateY", [2.0, -7.7]),
    "rotate": ("Rotate", [30.0, -101.0]), "brightness": ("Brightness", [0.9, -0.45]), "color": ("Color", [0.63, -0.99]),
    "contrast": ("Contrast", [0.9, -0.31]), "sharpness": ("Sharpness", [0.99, -0.7]),
    "posterize": ("Posterize", [4, 7]), "solarize": ("Solarize", [0.0, 127.5, 255.0]),
    "autoContrast": ("AutoContrast", [0.0]), "equalize": ("Equalize", [0.0]),
}


def encode(image):
    return base64.b64encode(image.permute(1, 2, 0).contiguous().numpy().tobytes()).decode()


def pictures():
    torch.manual_seed(1)
    height, width = 22, 25
    noise = torch.randint(0, 256, (3, height, width))
    ramp = torch.arange(width).mul(7).expand(3, height, width) + torch.tensor([[[5]], [[40]], [[60]]])
    return [(noise * torch.tensor([[[1.0]], [[0.5]], [[0.1]]]) + 20).clamp(0, 255).to(torch.uint8), (ramp + noise // 16).clamp(0, 255).to(torch.uint8)]


cases = []
for index, image in enumerate(pictures()):
    for name, (operation, strengths) in OPERATIONS.items():
        for strength in strengths:
            result = _apply_op(image, operation, strength, InterpolationMode.NEAREST, FILL)
            cases.append({"picture": index, "operation": name, "strength": strength, "result": encode(result)})
document = {"width": 25, "height": 22, "fill": FILL, "pictures": [encode(image) for image in pictures()], "cases": cases}
with open(sys.argv[1], "w") as file:
    json.dump(document, file, indent=1)
    file.write("\n")
