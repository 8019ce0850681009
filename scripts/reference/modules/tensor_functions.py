"""Functions of torch as a module with one output for each."""
import torch

OF_THREE = {
    'lerp': lambda a, b: torch.lerp(a, b, b),
    'addcmul': lambda a, b: torch.addcmul(a, b, b),
    'addcdiv': lambda a, b: torch.addcdiv(a, a, b),
}


class TensorFunctions(torch.nn.Module):
    """`functions`: their names, separated by spaces."""

    def __init__(self, functions):
        super().__init__()
        self.functions = functions.split(' ')

    def forward(self, *inputs):
        return {name: OF_THREE.get(name, getattr(torch, name))(*inputs) for name in self.functions}
