"""The plain residual network (He et al. 2016) with torchvision's names, written with torch.nn: Debian has no torchvision."""
from torch import nn


def convolution(inplanes, planes, size, stride=1):
    return nn.Conv2d(inplanes, planes, size, stride, padding=size // 2, bias=False)


class Block(nn.Module):
    """Convolutions of the given sizes, each with a norm, and a shortcut; the stride is in the first 3 x 3 one."""

    def __init__(self, inplanes, widths, sizes, stride):
        super().__init__()
        strided = sizes.index(3)
        channels = [inplanes, *widths]
        for k, size in enumerate(sizes):
            conv = convolution(channels[k], channels[k + 1], size, stride if k == strided else 1)
            self.add_module(f'conv{k + 1}', conv)
            self.add_module(f'bn{k + 1}', nn.BatchNorm2d(channels[k + 1]))
        self.depth = len(sizes)
        self.downsample = None
        if stride != 1 or inplanes != widths[-1]:
            self.downsample = nn.Sequential(convolution(inplanes, widths[-1], 1, stride), nn.BatchNorm2d(widths[-1]))

    def forward(self, x):
        out = x
        for k in range(1, self.depth + 1):
            out = getattr(self, f'bn{k}')(getattr(self, f'conv{k}')(out))
            if k < self.depth:
                out = out.relu()
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


def basic(inplanes, planes, stride=1):
    return Block(inplanes, [planes, planes], [3, 3], stride)


def bottleneck(inplanes, planes, stride=1):
    return Block(inplanes, [planes, planes, 4 * planes], [1, 3, 1], stride)


class ResNet(nn.Module):
    def __init__(self, block, layers, width, num_classes):
        super().__init__()
        make, expansion = {'basic': (basic, 1), 'bottleneck': (bottleneck, 4)}[block]
        self.conv1 = convolution(3, width, 7, 2)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        inplanes = width
        for stage, depth in enumerate(layers):
            blocks = []
            for k in range(depth):
                blocks.append(make(inplanes, width << stage, 2 if stage > 0 and k == 0 else 1))
                inplanes = (width << stage) * expansion
            self.add_module(f'layer{stage + 1}', nn.Sequential(*blocks))
        self.fc = nn.Linear(inplanes, num_classes)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean((2, 3)))
