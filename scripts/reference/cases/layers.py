"""Layers of torch.nn that packages/verify/reference-cases has no case for."""
from torch import nn

from reference_case import Case


def image(numbers):
    return {'x': numbers.normal(2, 3, 5, 4)}


def rows(numbers):
    return {'x': numbers.normal(4, 9, std=2.0)}


def activation(name, module, build, **config):
    return Case(name, module=module, config=config, build=build, inputs=rows, dtype='f64')


CASES = [
    activation('relu-f64', 'ReLU', nn.ReLU),
    activation('silu-f64', 'SiLU', nn.SiLU),
    activation('sigmoid-f64', 'Sigmoid', nn.Sigmoid),
    activation('tanh-f64', 'Tanh', nn.Tanh),
    activation('gelu-f64', 'GELU', nn.GELU),
    activation('softmax-f64', 'Softmax', nn.Softmax, dim=0),
    Case('linear-no-bias-f64', module='Linear', config={'in_features': 9, 'out_features': 5, 'bias': False}, build=nn.Linear,
         inputs=rows, dtype='f64'),
    Case('conv2d-rectangular-f64', module='Conv2d', build=nn.Conv2d, inputs=image, dtype='f64',
         config={'in_channels': 3, 'out_channels': 4, 'kernel_size': [3, 2], 'stride': [2, 1], 'padding': [1, 0]}),
    Case('conv2d-depthwise-f64', module='Conv2d', build=nn.Conv2d, inputs=image, dtype='f64',
         config={'in_channels': 3, 'out_channels': 6, 'kernel_size': 3, 'padding': 1, 'groups': 3, 'bias': False}),
    Case('batchnorm2d-train-f64', module='BatchNorm2d', config={'num_features': 3, 'momentum': 0.2}, build=nn.BatchNorm2d,
         inputs=image, dtype='f64'),
    Case('maxpool2d-padded-f64', module='MaxPool2d', config={'kernel_size': 3, 'stride': 2, 'padding': 1}, build=nn.MaxPool2d,
         inputs=image, dtype='f64'),
    Case('layernorm-two-axes-f64', module='LayerNorm', config={'normalized_shape': [5, 4]}, build=nn.LayerNorm, inputs=image,
         dtype='f64'),
    Case('embedding-f64', module='Embedding', config={'num_embeddings': 11, 'embedding_dim': 6}, build=nn.Embedding,
         inputs=lambda numbers: {'tokens': numbers.integers(3, 5, below=11)}, dtype='f64'),
    Case('mha-batch-first-f64', module='MultiheadAttention', dtype='f64',
         config={'embed_dim': 12, 'num_heads': 3, 'layout': '(N,L,E)'},
         build=lambda embed_dim, num_heads, layout: nn.MultiheadAttention(embed_dim, num_heads, batch_first=True),
         inputs=lambda numbers: {'x': numbers.normal(2, 5, 12)},
         forward=lambda module, x: module(x, x, x, need_weights=False)[0]),
    Case('cross-entropy-smooth-f64', module='CrossEntropyLoss', config={'label_smoothing': 0.1}, build=nn.CrossEntropyLoss,
         inputs=lambda numbers: {'logits': numbers.normal(6, 7, std=3.0), 'target': numbers.integers(6, below=7)}, dtype='f64'),
]
