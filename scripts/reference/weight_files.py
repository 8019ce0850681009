#!/usr/bin/env python3
"""
Makes the files that the tests of loading weights read: tiny models of other libraries with random weights, in the files that those
libraries write, each with an input and its outputs.

    python3 scripts/reference/weight_files.py OUT [--only NAME]...

Each folder has `weights.*`, a configuration file if the library has one, and expected.safetensors with `input/NAME` and
`output/NAME`. Needs PyTorch 2, open_clip_torch, transformers, timm and torchvision; run it again only to add a family.
"""
import argparse
import collections
import json
import os

import torch

import safetensors_file
from reference_case import Numbers, fill_at_random

FAMILIES = {}


def family(name):
    def register(make):
        FAMILIES[name] = make
        return make

    return register


def randomize(module, numbers):
    """Random weights; logit_scale with CLIP's initial value."""
    fill_at_random(module, numbers)
    for name, parameter in module.named_parameters():
        if name.endswith('logit_scale'):
            parameter.data.fill_(2.659)
    return module.eval()


def through(dtype, module):
    """Rounds the module's weights to `dtype`, and returns its state_dict in `dtype`."""
    state = {n: t.to(dtype) if t.is_floating_point() else t for n, t in module.state_dict().items()}
    module.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in state.items()})
    return state


def clip_inputs(numbers, size=32, context=8, vocabulary=50):
    tokens = numbers.integers(3, context, below=vocabulary - 1)
    tokens[:, -2] = vocabulary - 1
    return {'image': numbers.normal(2, 3, size, size), 'text': tokens}


def clip_outputs(image, text, scale, bias=0.0):
    image, text = (x / x.norm(dim=-1, keepdim=True) for x in (image, text))
    return {'logits': scale.exp() * image @ text.t() + bias}


def write_json(folder, name, content):
    with open(os.path.join(folder, name), 'w', encoding='utf8') as file:
        json.dump(content, file, indent=2)
        file.write('\n')


def open_clip_model(vision, text, **options):
    from open_clip.model import CLIPTextCfg, CLIPVisionCfg

    text = {'context_length': 8, 'vocab_size': 50, 'width': 32, 'layers': 1, **text}
    kind = options.pop('kind')
    return kind(16, CLIPVisionCfg(**vision), CLIPTextCfg(**text), **options)


def run_open_clip(model, numbers, size=32):
    inputs = clip_inputs(numbers, size)
    image, text = model.encode_image(inputs['image']), model.encode_text(inputs['text'].long())
    bias = 0.0 if model.logit_bias is None else model.logit_bias
    return inputs, clip_outputs(image, text, model.logit_scale, bias)


@family('openai-vit-archive')
def openai_vit_archive(folder, numbers):
    """The format of OpenAI's models: a TorchScript archive in half precision."""
    from open_clip.model import CLIP

    vision = {'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 2, 'head_width': 32}
    model = open_clip_model(vision, {'heads': 1}, kind=CLIP, quick_gelu=True)
    through(torch.float16, randomize(model, numbers))
    result = run_open_clip(model, numbers)

    class Parameters(torch.nn.Module):
        """The same parameters under the same names; TorchScript saves the code of any module."""

        def __init__(self, of):
            super().__init__()
            for name, parameter in of.named_parameters(recurse=False):
                self.register_parameter(name, parameter)
            for name, child in of.named_children():
                setattr(self, name, Parameters(child))

        def forward(self):
            return 0

    archive = Parameters(model).half()
    for name, value in {'input_resolution': 32, 'context_length': 8, 'vocab_size': 50}.items():
        archive.register_buffer(name, torch.tensor(value))
    torch.jit.script(archive).save(os.path.join(folder, 'weights.pt'))
    return result


@family('openai-resnet')
def openai_resnet(folder, numbers):
    """OpenAI's state_dict as safetensors in half precision, with the three numbers in its archives."""
    from open_clip.model import CLIP

    model = open_clip_model({'image_size': 32, 'width': 4, 'layers': (1, 2, 1, 1)}, {'heads': 1}, kind=CLIP, quick_gelu=True)
    state = through(torch.float16, randomize(model, numbers))
    state.update(input_resolution=torch.tensor(32), context_length=torch.tensor(8), vocab_size=torch.tensor(50))
    safetensors_file.save(os.path.join(folder, 'weights.safetensors'), state)
    return run_open_clip(model, numbers)


@family('open-clip-vit')
def open_clip_vit(folder, numbers):
    """GELU, a number of heads that only the configuration has, and a pickle."""
    from open_clip.model import CLIP

    vision = {'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'head_width': 8}
    text = {'heads': 2}
    model = randomize(open_clip_model(vision, text, kind=CLIP), numbers)
    torch.save(model.state_dict(), os.path.join(folder, 'open_clip_pytorch_model.bin'))
    text = {'context_length': 8, 'vocab_size': 50, 'width': 32, 'heads': 2, 'layers': 1}
    write_json(folder, 'open_clip_config.json', {'model_cfg': {'embed_dim': 16, 'vision_cfg': vision, 'text_cfg': text}})
    return run_open_clip(model, numbers)


@family('open-clip-custom-text')
def open_clip_custom_text(folder, numbers):
    """A separate text tower and SigLIP's bias; a training checkpoint of several processes."""
    from open_clip.model import CustomTextCLIP

    vision = {'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'head_width': 32}
    model = randomize(open_clip_model(vision, {'heads': 1}, kind=CustomTextCLIP, init_logit_bias=-10.0), numbers)
    state = {f'module.{name}': tensor for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3).state_dict()
    torch.save({'epoch': 3, 'name': 'tiny', 'state_dict': state, 'optimizer': optimizer}, os.path.join(folder, 'weights.pt'))
    return run_open_clip(model, numbers)


@family('hugging-face-clip')
def hugging_face_clip(folder, numbers):
    """CLIPModel with several heads, and with the buffers that older versions saved."""
    from transformers import CLIPConfig, CLIPModel

    tower = {'hidden_size': 32, 'intermediate_size': 128, 'num_hidden_layers': 1, 'projection_dim': 16}
    config = CLIPConfig(
        text_config={**tower, 'num_attention_heads': 2, 'vocab_size': 50, 'max_position_embeddings': 8, 'eos_token_id': 49,
                     'bos_token_id': 48},
        vision_config={**tower, 'num_attention_heads': 4, 'image_size': 32, 'patch_size': 8},
        projection_dim=16,
    )
    model = randomize(CLIPModel(config), numbers)
    state = model.state_dict()
    state['text_model.embeddings.position_ids'] = torch.arange(8).expand(1, -1)
    state['vision_model.embeddings.position_ids'] = torch.arange(17).expand(1, -1)
    torch.save(state, os.path.join(folder, 'pytorch_model.bin'))
    config.save_pretrained(folder)
    inputs = clip_inputs(numbers)
    outputs = model(input_ids=inputs['text'].long(), pixel_values=inputs['image'])
    return inputs, {'logits': outputs.logits_per_image}


@family('timm-vit')
def timm_vit(folder, numbers):
    """Two heads of 64 and a narrow MLP, in bfloat16."""
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=128, depth=1, num_heads=2, mlp_ratio=1, num_classes=5)
    torch.save(through(torch.bfloat16, randomize(model, numbers)), os.path.join(folder, 'weights.pth'))
    image = numbers.normal(2, 3, 32, 32)
    return {'image': image}, {'logits': model(image)}


@family('timm-vit-mean')
def timm_vit_mean(folder, numbers):
    """The mean of the patches as readout, layer scale, no class token."""
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=64, depth=1, num_heads=1, mlp_ratio=2, num_classes=3, global_pool='avg',
                              class_token=False, init_values=1e-2, fc_norm=True)
    torch.save(randomize(model, numbers).state_dict(), os.path.join(folder, 'weights.pt'))
    image = numbers.normal(2, 3, 32, 32)
    return {'image': image}, {'logits': model(image)}


@family('timm-deit')
def timm_deit(folder, numbers):
    """The distilled DeiT in its authors' format: under `model`, in the file format before PyTorch 1.6."""
    from timm.models.deit import VisionTransformerDistilled

    model = randomize(VisionTransformerDistilled(img_size=32, patch_size=8, embed_dim=64, depth=1, num_heads=1, num_classes=5), numbers)
    torch.save({'model': model.state_dict()}, os.path.join(folder, 'weights.pth'), _use_new_zipfile_serialization=False)
    image = numbers.normal(2, 3, 32, 32)
    return {'image': image}, {'logits': model(image)}


@family('timm-vit-registers')
def timm_vit_registers(folder, numbers):
    """A small DINOv2 with registers, as timm stores it: layer scale, and positions of the patches only."""
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(img_size=16, patch_size=4, embed_dim=64, depth=1, num_heads=1, mlp_ratio=1, num_classes=3,
                              init_values=1e-2, reg_tokens=4, no_embed_class=True)
    torch.save(through(torch.bfloat16, randomize(model, numbers)), os.path.join(folder, 'weights.pth'))
    image = numbers.normal(2, 3, 16, 16)
    return {'image': image}, {'logits': model(image)}


@family('training-checkpoints')
def training_checkpoints(folder, numbers):
    """One tiny Vision Transformer of timm in the checkpoints of other programs, beside what those programs store with it."""
    import numpy
    from timm.models.vision_transformer import VisionTransformer

    def vit():
        return VisionTransformer(img_size=8, patch_size=4, embed_dim=16, depth=1, num_heads=1, mlp_ratio=1, num_classes=3)

    model = randomize(vit(), numbers)
    other = randomize(vit(), numbers).state_dict()
    state = model.state_dict()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def prefixed(prefix, of=state):
        return {f'{prefix}{name}': tensor for name, tensor in of.items()}

    def save(name, content, **options):
        torch.save(content, os.path.join(folder, name), **options)

    step = {'optimizer': optimizer.state_dict(), 'epoch': 3}
    save('lightning.ckpt', {
        'epoch': 3, 'global_step': 10, 'pytorch-lightning_version': '2.0', 'state_dict': prefixed('model.'), 'loops': {},
        'optimizer_states': [optimizer.state_dict()], 'lr_schedulers': [], 'hyper_parameters': {'lr': 0.1},
    })
    save('lightning-net.ckpt', {'state_dict': {**prefixed('net.'), 'loss.weight': torch.ones(3)}})
    save('timm.pth.tar', {'arch': 'vit', 'state_dict': state, 'state_dict_ema': other, 'metric': numpy.float64(76.5), **step})
    save('imagenet-example.pth.tar', {'state_dict': prefixed('module.'), 'best_acc1': torch.tensor(76.5), **step},
         _use_new_zipfile_serialization=False)
    decoder = {'mask_token': torch.zeros(1, 1, 8), 'decoder_pos_embed': torch.zeros(1, 5, 8), 'decoder_embed.weight': torch.zeros(8, 16),
               'decoder_blocks.0.norm1.weight': torch.ones(8), 'decoder_pred.bias': torch.zeros(48)}
    save('mae.pth', {'model': {**state, **decoder}, **step})
    queue = {'module.queue': torch.zeros(8, 16), 'module.queue_ptr': torch.zeros(1, dtype=torch.long)}
    save('moco.pth.tar', {'state_dict': {**prefixed('module.encoder_q.'), **prefixed('module.encoder_k.', other), **queue}, **step})
    save('dino.pth', {'student': prefixed('module.backbone.', other), 'teacher': prefixed('backbone.')})
    save('nested.pth', {'model': {'state_dict': state}})
    save('net.pth', {'net': state, 'acc': 90.0, 'epoch': 3})
    save('numpy.pth', {'model': state, 'best_acc1': numpy.float64(90), 'history': numpy.arange(3), 'path': __import__('pathlib').PosixPath('a')})
    save('compiled.pth', prefixed('_orig_mod.module.'))
    image = numbers.normal(2, 3, 8, 8)
    return {'image': image}, {'logits': model(image)}


def export_onnx(model, image, path):
    torch.onnx.export(model, (image,), path, dynamo=False, input_names=['image'], opset_version=14)


@family('onnx-dinov2')
def onnx_dinov2(folder, numbers):
    """Hugging Face's DINOv2 below another module, as PyTorch exports it: positions in two parts, matrices without names."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, mlp_ratio=2, image_size=12, patch_size=4)
    config._attn_implementation = 'eager'

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = randomize(Dinov2Model(config), numbers)

        def forward(self, image):
            return self.backbone(image).last_hidden_state[:, 0]

    model = Wrapped().eval()
    image = numbers.normal(2, 3, 12, 12)
    # A different size in the export, so that the positions are not a single tensor in the file.
    export_onnx(model, numbers.normal(1, 3, 8, 8), os.path.join(folder, 'weights.onnx'))
    return {'image': image}, {'logits': model(image)}


@family('onnx-timm')
def onnx_timm(folder, numbers):
    """timm's Vision Transformer as PyTorch exports it; its values in another file; and in half precision."""
    import onnx
    from onnxconverter_common import float16
    from timm.models.vision_transformer import VisionTransformer

    model = randomize(VisionTransformer(img_size=8, patch_size=4, embed_dim=16, depth=1, num_heads=1, mlp_ratio=1, num_classes=3), numbers)
    image = numbers.normal(2, 3, 8, 8)
    export_onnx(model, image, os.path.join(folder, 'weights.onnx'))
    loaded = onnx.load(os.path.join(folder, 'weights.onnx'))
    onnx.save(loaded, os.path.join(folder, 'external.onnx'), save_as_external_data=True, location='external.data', size_threshold=100)
    onnx.save(float16.convert_float_to_float16(onnx.load(os.path.join(folder, 'weights.onnx'))), os.path.join(folder, 'half.onnx'))
    return {'image': image}, {'logits': model(image)}


@family('onnx-types')
def onnx_types(folder, numbers):
    """Not a model: every type of tensor, in each field that ONNX has for it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors = {
        'F32': (TensorProto.FLOAT, numbers.normal(2, 3)), 'F64': (TensorProto.DOUBLE, numbers.normal(3).double()),
        'F16': (TensorProto.FLOAT16, numbers.normal(3).half()), 'BF16': (TensorProto.BFLOAT16, numbers.normal(3).bfloat16()),
        'I64': (TensorProto.INT64, torch.tensor([-3, 2**40])), 'I32': (TensorProto.INT32, torch.tensor([-3, 4], dtype=torch.int32)),
        'I16': (TensorProto.INT16, torch.tensor([-3, 4], dtype=torch.int16)), 'I8': (TensorProto.INT8, torch.tensor([-3, 4], dtype=torch.int8)),
        'U8': (TensorProto.UINT8, torch.tensor([3, 200], dtype=torch.uint8)), 'BOOL': (TensorProto.BOOL, torch.tensor([True, False])),
    }
    initializers = []
    for name, (kind, tensor) in tensors.items():
        raw = tensor.contiguous().view(torch.uint8).numpy().tobytes()
        initializers.append(helper.make_tensor(f'raw.{name}', kind, tensor.shape, raw, raw=True))
        values = tensor.float() if tensor.is_floating_point() and name != 'F64' else tensor
        initializers.append(helper.make_tensor(f'typed.{name}', kind, tensor.shape, values.flatten().tolist()))
    graph = helper.make_graph([], 'types', [], [], initializer=initializers)
    onnx.save(helper.make_model(graph), os.path.join(folder, 'weights.onnx'))
    return {}, {name: tensor for name, (_, tensor) in tensors.items()}


@family('torch-formats')
def torch_formats(folder, numbers):
    """Not a model: every element type and layout, in every file format of PyTorch. Runs with PyTorch 1.13 too."""
    big = numbers.normal(10)
    state = collections.OrderedDict(
        matrix=numbers.normal(3, 4),
        transposed=numbers.normal(3, 4).t(),
        permuted=numbers.normal(2, 3, 4, 5).permute(0, 2, 3, 1),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        slice=big[2:5],
        every_third=big[::3],
        parameter=torch.nn.Parameter(numbers.normal(2)),
        f64=numbers.normal(2, 2).double(),
        f16=numbers.normal(5).half(),
        bf16=numbers.normal(5).bfloat16(),
        i64=torch.arange(-3, 4),
        i32=torch.arange(3, dtype=torch.int32),
        i16=torch.arange(-1, 3, dtype=torch.int16),
        i8=torch.arange(-2, 3, dtype=torch.int8),
        u8=torch.arange(3, dtype=torch.uint8),
        bool=torch.tensor([True, False]),
    )
    for protocol in (2, 3, 4, 5):
        torch.save(state, os.path.join(folder, f'protocol-{protocol}.pt'), pickle_protocol=protocol)
    torch.save(state, os.path.join(folder, 'legacy.pt'), _use_new_zipfile_serialization=False)
    group = {'lr': 0.1, 'betas': (0.9, 0.999), 'params': [0]}
    checkpoint = {
        'epoch': 3,
        'args': argparse.Namespace(lr=1e-3, name='tiny', device=torch.device('cpu'), dtype=torch.float32),
        'model_state_dict': state,
        'optimizer': {'state': {0: {'exp_avg': torch.zeros(2)}}, 'param_groups': [group]},
    }
    torch.save(checkpoint, os.path.join(folder, 'checkpoint.pt'))
    return {}, state


def narrow_resnet(block, layers, width):
    """torchvision's blocks and stages with fewer channels than its constructor allows."""
    from torchvision.models.resnet import ResNet

    model = ResNet(block, layers, num_classes=6)
    model.inplanes = width
    model.conv1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False)
    model.bn1 = torch.nn.BatchNorm2d(width)
    for stage in range(4):
        made = model._make_layer(block, width << stage, layers[stage], stride=1 if stage == 0 else 2)
        setattr(model, f'layer{stage + 1}', made)
    model.fc = torch.nn.Linear((width << 3) * block.expansion, 6)
    return model


@family('torchvision-resnet-basic')
def torchvision_resnet_basic(folder, numbers):
    from torchvision.models.resnet import BasicBlock

    model = randomize(narrow_resnet(BasicBlock, [2, 1, 1, 1], 4), numbers)
    torch.save(model.state_dict(), os.path.join(folder, 'weights.pt'))
    image = numbers.normal(2, 3, 40, 32)
    return {'image': image}, {'logits': model(image)}


@family('torchvision-resnet-bottleneck')
def torchvision_resnet_bottleneck(folder, numbers):
    """Without the counts of batches, like files from before PyTorch 1.0."""
    from torchvision.models.resnet import Bottleneck

    model = randomize(narrow_resnet(Bottleneck, [1, 2, 1, 1], 4), numbers)
    state = collections.OrderedDict((n, t) for n, t in model.state_dict().items() if not n.endswith('num_batches_tracked'))
    torch.save(state, os.path.join(folder, 'weights.pth'), _use_new_zipfile_serialization=False)
    image = numbers.normal(2, 3, 33, 47)
    return {'image': image}, {'logits': model(image)}


def main():
    parser = argparse.ArgumentParser(description='Makes weight files of other libraries with tiny models.')
    parser.add_argument('out', help='folder for the files, one folder each')
    parser.add_argument('--only', action='append', choices=FAMILIES, help='these alone')
    options = parser.parse_args()
    for name in options.only or FAMILIES:
        folder = os.path.join(options.out, name)
        os.makedirs(folder, exist_ok=True)
        with torch.no_grad():
            inputs, outputs = FAMILIES[name](folder, Numbers(name, torch.float32))
        tensors = {f'input/{n}': t for n, t in inputs.items()}
        tensors.update({f'output/{n}': t for n, t in outputs.items()})
        safetensors_file.save(os.path.join(folder, 'expected.safetensors'), tensors)
        print(folder)


if __name__ == '__main__':
    main()
