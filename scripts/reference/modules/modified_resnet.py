"""CLIP's residual network (Radford et al. 2021, section 2.4) with OpenAI's names, written with torch.nn."""
import torch
from torch import nn


class Bottleneck(nn.Module):
    """Convolutions of stride 1; average pools reduce, in the branch after the second one and in the shortcut."""

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.avgpool = nn.AvgPool2d(stride)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = None
        if stride > 1 or inplanes != 4 * planes:
            self.downsample = nn.Sequential()
            self.downsample.add_module('-1', nn.AvgPool2d(stride))
            self.downsample.add_module('0', nn.Conv2d(inplanes, 4 * planes, 1, bias=False))
            self.downsample.add_module('1', nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        out = self.bn3(self.conv3(self.avgpool(out)))
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


class AttentionPool(nn.Module):
    """The mean over all places, put in front of them, is the only query."""

    def __init__(self, places, width, heads, output_dim):
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.zeros(places + 1, width))
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, output_dim)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positional_embedding
        split = lambda t: t.unflatten(2, (self.heads, t.shape[2] // self.heads)).transpose(1, 2)
        q, k, v = split(self.q_proj(x[:, :1])), split(self.k_proj(x)), split(self.v_proj(x))
        weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
        return self.c_proj((weights @ v).transpose(1, 2).flatten(1))


class ModifiedResNet(nn.Module):
    def __init__(self, layers, output_dim, heads, input_resolution, width):
        super().__init__()
        for k, (fan_in, fan_out) in enumerate([(3, width // 2), (width // 2, width // 2), (width // 2, width)], 1):
            self.add_module(f'conv{k}', nn.Conv2d(fan_in, fan_out, 3, 2 if k == 1 else 1, padding=1, bias=False))
            self.add_module(f'bn{k}', nn.BatchNorm2d(fan_out))
        self.avgpool = nn.AvgPool2d(2)
        inplanes = width
        for stage, depth in enumerate(layers):
            blocks = []
            for k in range(depth):
                blocks.append(Bottleneck(inplanes, width << stage, 2 if stage > 0 and k == 0 else 1))
                inplanes = 4 * (width << stage)
            self.add_module(f'layer{stage + 1}', nn.Sequential(*blocks))
        self.attnpool = AttentionPool((input_resolution // 32) ** 2, 32 * width, heads, output_dim)

    def forward(self, x):
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = norm(conv(x)).relu()
        x = self.avgpool(x)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.attnpool(x)
