"""Numbers of peft's LoRA for packages/nn/src/lora/peft.test.ts: losses, gradients and outputs of three steps of SGD.

    python scripts/reference/lora.py > packages/nn/src/lora/peft.json

Every number of a tensor follows from its place, so that the test needs no stored weights.
"""
import json
import math
import warnings

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

warnings.filterwarnings('ignore')


def fill(shape, start):
    values = [math.sin(0.7 * (start + k)) for k in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).float()


class Attention(nn.Module):
    """nn.MultiheadAttention with its projections as linear layers: of the former, peft 0.21.2 counts the adapter of out_proj twice."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.in_proj(x).chunk(3, -1))
        return self.out_proj(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = Attention(4, 2)
        self.fc = nn.Linear(4, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.fc(self.attn(x))))


def ours(name):
    """The name of a peft parameter in Tessera."""
    name = name.replace('base_model.model.', '').replace('.modules_to_save.default', '')
    for part in ('lora_A', 'lora_B'):
        name = name.replace(f'in_proj.{part}.default.weight', f'parametrizations.in_proj_weight.{part}')
        name = name.replace(f'{part}.default.weight', f'parametrizations.weight.{part}')
    return name


def steps(rank_stabilized):
    net = Net()
    for k, (_, parameter) in enumerate(net.named_parameters()):
        parameter.data = fill(parameter.shape, 10 * k)
    x = fill((2, 3, 4), 5)
    targets = {'target_modules': ['in_proj', 'out_proj', 'fc'], 'modules_to_save': ['head']}
    model = get_peft_model(net, LoraConfig(r=2, lora_alpha=3, use_rslora=rank_stabilized, **targets))
    trained = [(ours(name), parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    for k, (_, parameter) in enumerate(sorted((pair for pair in trained if 'lora_A' in pair[0]), key=lambda p: p[0])):
        parameter.data = fill(parameter.shape, 100 + 10 * k)
    optimizer = torch.optim.SGD([parameter for _, parameter in trained], lr=0.1)
    recorded = []
    for _ in range(3):
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        gradients = {name: [round(v, 7) for v in p.grad.flatten().tolist()] for name, p in trained}
        recorded.append({'loss': round(loss.item(), 7), 'gradients': gradients})
        optimizer.step()
    return {'steps': recorded, 'outputs': [round(v, 7) for v in model(x).flatten().tolist()]}


print(json.dumps({'plain': steps(False), 'rankStabilized': steps(True)}))
