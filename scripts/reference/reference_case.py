"""A reference case: how it is described, computed and written. The format: docs/reference-cases.md."""
import ast
import importlib
import importlib.util
import json
import os
import zlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional

import numpy
import torch

import safetensors_file


class Numbers:
    """Random numbers that are the same bits on every machine and with every version of PyTorch and NumPy: RandomState is frozen."""

    def __init__(self, name: str, dtype: torch.dtype):
        self.state = numpy.random.RandomState(zlib.crc32(name.encode()))
        self.dtype = dtype

    def normal(self, *shape: int, std: float = 1.0, mean: float = 0.0) -> torch.Tensor:
        return torch.from_numpy(numpy.asarray(self.state.standard_normal(shape) * std + mean)).to(self.dtype)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.from_numpy(numpy.asarray(self.state.uniform(low, high, shape))).to(self.dtype)

    def integers(self, *shape: int, below: int) -> torch.Tensor:
        return torch.from_numpy(self.state.randint(0, below, shape)).to(torch.int32)


@dataclass
class Case:
    """
    One case: a module with its inputs. `fill` draws random weights, regardless of the module's initial values.

    name      folder of the case
    module    the name of the layer's entry in TypeScript
    config    its arguments, as in case.json
    build     makes the PyTorch module; called with `config` as keyword arguments
    inputs    makes the inputs by name, from a `Numbers`; floating-point ones get a gradient
    outputs   their names, if `forward` returns several in a dict
    forward   runs the module; default: module(*inputs). Integer inputs are passed as int64, PyTorch's dtype of indices
    mode      'train' or 'eval'
    dtype     'f32' or 'f64'
    fill      sets the weights; default: `fill_at_random`
    """

    name: str
    module: str
    build: Callable[..., torch.nn.Module]
    inputs: Callable[[Numbers], Dict[str, torch.Tensor]]
    config: Dict[str, Any] = field(default_factory=dict)
    outputs: tuple = ('out',)
    forward: Optional[Callable[..., Any]] = None
    mode: str = 'train'
    dtype: str = 'f32'
    fill: Optional[Callable[[torch.nn.Module, Numbers], None]] = None


def evaluate(expression: Optional[str]) -> Any:
    """The value of a Python expression, which may name torch, nn, F and modules that can be imported; None for None."""
    if expression is None:
        return None
    scope = {'torch': torch, 'nn': torch.nn, 'F': torch.nn.functional}
    nodes = list(ast.walk(ast.parse(expression, mode='eval')))
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - {node.arg for node in nodes if isinstance(node, ast.arg)}
    for name in names - scope.keys():
        if importlib.util.find_spec(name):
            scope[name] = importlib.import_module(name)
    return eval(expression, scope)  # pylint: disable=eval-used


def make_inputs(described: Any) -> Callable[[Numbers], Dict[str, torch.Tensor]]:
    """Draws the inputs: by a function that an expression names, or each as packages/nn/src/cases/inputs.ts describes it."""
    if isinstance(described, str):
        return evaluate(described)

    def draw(numbers: Numbers, kind: str, shape: list, values: Any = None, **options: Any) -> torch.Tensor:
        if kind == 'constant':
            return torch.tensor(values, dtype=torch.int32).reshape(shape)
        return getattr(numbers, kind)(*shape, **options)

    return lambda numbers: {name: draw(numbers, **spec) for name, spec in described.items()}


def fill_at_random(module: torch.nn.Module, numbers: Numbers) -> None:
    """Weights N(0, 1 / fan-in), scales of norms around 1, small biases and other vectors, statistics as after some steps."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim >= 2:
                fan_in = parameter[0].numel()
                value = numbers.normal(*parameter.shape, std=fan_in ** -0.5)
            else:
                value = numbers.normal(*parameter.shape, std=0.1, mean=1.0 if name.endswith('weight') else 0.0)
            parameter.copy_(value)
        for name, buffer in module.named_buffers():
            if name.endswith('running_mean'):
                buffer.copy_(numbers.normal(*buffer.shape, std=0.1))
            elif name.endswith('running_var'):
                buffer.copy_(numbers.uniform(*buffer.shape, low=0.5, high=1.5))


def floating_buffers(module: torch.nn.Module) -> Dict[str, torch.Tensor]:
    """The buffers in the state_dict, without BatchNorm's count of batches, which is an integer."""
    state = module.state_dict()
    return {n: b.detach().clone() for n, b in module.named_buffers() if n in state and b.is_floating_point()}


def watch_layers(module: torch.nn.Module) -> Dict[str, torch.Tensor]:
    """The first outputs of the modules inside of `module`, by their names; filled when it is called."""
    found: Dict[str, torch.Tensor] = {}

    def watch(name: str) -> Callable[..., None]:
        def note(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                found.setdefault(name, output.detach().clone())

        return note

    for name, inner in module.named_modules():
        if name:
            inner.register_forward_hook(watch(name))
    return found


def compute(case: Case, layers: bool = False) -> Dict[str, torch.Tensor]:
    """All tensors of the case: one forward and one backward pass; with `layers`, also the outputs of all modules inside."""
    dtype = {'f32': torch.float32, 'f64': torch.float64}[case.dtype]
    numbers = Numbers(case.name, dtype)
    module = case.build(**case.config).to(dtype)
    (case.fill or fill_at_random)(module, numbers)
    module.train(case.mode == 'train')
    inputs = {n: t.requires_grad_() if t.is_floating_point() else t for n, t in case.inputs(numbers).items()}

    tensors = {f'param/{n}': p.detach().clone() for n, p in module.named_parameters()}
    tensors.update({f'buffer/{n}': b for n, b in floating_buffers(module).items()})
    tensors.update({f'input/{n}': t.detach().clone() for n, t in inputs.items()})

    arguments = [t.long() if t.dtype == torch.int32 else t for t in inputs.values()]
    outputs_of_layers = watch_layers(module) if layers else {}
    result = case.forward(module, *arguments) if case.forward else module(*arguments)
    outputs = result if isinstance(result, dict) else {case.outputs[0]: result}
    total = 0
    for name in case.outputs:
        cotangent = numbers.normal(*outputs[name].shape)
        tensors[f'output/{name}'] = outputs[name].detach()
        tensors[f'cotangent/{name}'] = cotangent
        total = total + (outputs[name] * cotangent).sum()
    if total.requires_grad:
        total.backward()
    tensors.update({f'grad/input/{n}': t.grad for n, t in inputs.items() if t.grad is not None})
    tensors.update({f'grad/param/{n}': p.grad for n, p in module.named_parameters() if p.grad is not None})
    tensors.update({f'layer/{n}': t for n, t in outputs_of_layers.items()})
    if case.mode == 'train':
        tensors.update({f'after/buffer/{n}': b for n, b in floating_buffers(module).items()})
    return tensors


def write(case: Case, out: str, layers: bool = False) -> str:
    """Writes the case below `out` and returns its folder."""
    tensors = compute(case, layers)
    folder = os.path.join(out, case.name)
    os.makedirs(folder, exist_ok=True)
    names = [key.split('/', 1)[1] for key in tensors if key.startswith('input/')]
    description = {
        'module': case.module,
        'config': case.config,
        'mode': case.mode,
        'dtype': case.dtype,
        'inputs': names,
        'outputs': list(case.outputs),
    }
    with open(os.path.join(folder, 'case.json'), 'w', encoding='utf8') as file:
        json.dump(description, file, indent=2)
        file.write('\n')
    safetensors_file.save(os.path.join(folder, 'tensors.safetensors'), tensors)
    return folder
