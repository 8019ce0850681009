"""Heads and losses of Vision Transformers."""
import torch
import torch.nn.functional as F
from torch import nn

from vision_transformer import split_grid


class DistillationLoss(nn.Module):
    def __init__(self, kind, alpha, temperature):
        super().__init__()
        self.kind, self.alpha, self.temperature = kind, alpha, temperature

    def forward(self, logits, distillation, teacher, labels):
        teacher, t = teacher.detach(), self.temperature
        if self.kind == 'hard':
            taught = F.cross_entropy(distillation, teacher.argmax(dim=1))
        else:
            taught = F.kl_div((distillation / t).log_softmax(dim=1), (teacher / t).log_softmax(dim=1), reduction='batchmean',
                              log_target=True) * t * t
        return (1 - self.alpha) * F.cross_entropy(logits, labels) + self.alpha * taught


class DetectionHead(nn.Module):
    def __init__(self, width, classes, grid):
        super().__init__()
        self.grid = grid
        self.class_embed = nn.Linear(width, classes + 1)
        self.bbox_embed = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 4)])

    def forward(self, patches):
        rows, columns = self.grid
        y = (torch.arange(rows, dtype=patches.dtype) + 0.5) / rows
        x = (torch.arange(columns, dtype=patches.dtype) + 0.5) / columns
        own = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=1)
        size = torch.tensor([[1 / columns, 1 / rows]], dtype=patches.dtype).expand(rows * columns, -1)
        start = torch.logit(torch.cat([own, size], dim=1), eps=1e-4)
        z = F.relu(self.bbox_embed[1](F.relu(self.bbox_embed[0](patches))))
        return {'boxes': (self.bbox_embed[2](z) + start).sigmoid(), 'logits': self.class_embed(patches)}


class SegmentationHead(nn.Module):
    def __init__(self, width, classes, grid, size):
        super().__init__()
        self.grid, self.size = grid, tuple(size)
        self.head = nn.Linear(width, classes)

    def forward(self, patches):
        logits = split_grid(self.head(patches), self.grid).permute(0, 3, 1, 2)
        return F.interpolate(logits, size=self.size, mode='bilinear', align_corners=False)


class GeneralizedIoU(nn.Module):
    def forward(self, a, b):
        def area(box):
            return (box[..., 2:] - box[..., :2]).clamp(min=0).prod(dim=-1)

        def outer():
            return torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1)

        meet = area(torch.cat([torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], dim=-1))
        union = area(a) + area(b) - meet
        hull = area(outer())
        return meet / union - (hull - union) / hull


def boxes(numbers):
    """Inputs of GeneralizedIoU: six pairs of boxes."""
    corner, size = numbers.uniform(6, 4, low=0.0, high=0.6), numbers.uniform(6, 4, low=0.1, high=0.4)
    return {'a': torch.cat([corner[:, :2], corner[:, :2] + size[:, :2]], dim=1),
            'b': torch.cat([corner[:, 2:], corner[:, 2:] + size[:, 2:]], dim=1)}
