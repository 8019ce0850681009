"""Functions as modules, for cases of functions, and of layers that PyTorch 1.13 does not have."""
import torch
import torch.nn.functional as F
from torch import nn


class Function(nn.Module):
    """Calls a function with the inputs and the case's arguments. Lists become tuples, as some functions need."""

    def __init__(self, function, arguments):
        super().__init__()
        self.function = function
        self.arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}

    def forward(self, *inputs):
        return self.function(*inputs, **self.arguments)


def of(function, **fixed):
    """What builds the module of a function: `functions.of(F.pad, mode='circular')` takes the other arguments from the case."""
    return lambda **arguments: Function(function, {**fixed, **arguments})


class RMSNorm(nn.Module):
    """nn.RMSNorm of PyTorch 2.4."""

    def __init__(self, normalized_shape, eps=None):
        super().__init__()
        shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
        self.axes = tuple(range(-len(shape), 0))
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x):
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        return x * torch.rsqrt(x.square().mean(self.axes, keepdim=True) + eps) * self.weight


class LayerNorm(nn.LayerNorm):
    """nn.LayerNorm of PyTorch 2.1, which can do without a bias."""

    def __init__(self, normalized_shape, eps=1e-5, bias=True):
        super().__init__(normalized_shape, eps)
        if not bias:
            self.bias = None


class SwiGLU(nn.Module):
    """SwiGLU of timm, with its names."""

    def __init__(self, in_features, hidden_features, out_features=None, activation='silu', norm=False, bias=True):
        super().__init__()
        self.fc1_g = nn.Linear(in_features, hidden_features, bias=bias)
        self.fc1_x = nn.Linear(in_features, hidden_features, bias=bias)
        self.norm = nn.LayerNorm(hidden_features) if norm else nn.Identity()
        self.fc2 = nn.Linear(hidden_features, out_features or in_features, bias=bias)
        self.activation = getattr(F, activation)

    def forward(self, x):
        return self.fc2(self.norm(self.activation(self.fc1_g(x)) * self.fc1_x(x)))
