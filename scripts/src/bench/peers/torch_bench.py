"""The Python side of the benchmarks: PyTorch, and numpy's BLAS.

Reads requests from standard input, each a line of JSON, and answers each with a line of JSON. The process stays alive between
requests, so that its runs can alternate with those of other libraries. The caller sets the number of threads in the environment
(OMP_NUM_THREADS, OPENBLAS_NUM_THREADS). With TESSERA_TORCH_DEVICE=cuda it computes on a GPU, in f32 without TF32.

    {"do": "hello"}                                                    returns the installed libraries
    {"do": "prepare", "slot": 0, "library": "torch", "work": {...}}    prepares a work; returns numbers to compare
    {"do": "measure", "slot": 0, "runs": 10}                           runs the work; returns times in ms
    {"do": "release", "slot": 0}                                       frees the work
    {"do": "peak"}                                                     returns the largest resident size so far, in bytes
"""

import json
import math
import os
import struct
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
DEVICE = os.environ.get("TESSERA_TORCH_DEVICE", "cpu")


def installed(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


if installed("torch"):
    import torch
    import torch.nn.functional as F
    from torch import nn

    torch.set_num_threads(THREADS)
    if DEVICE != "cpu" and torch.cuda.is_available():
        torch.set_default_device(DEVICE)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
else:
    torch = None
if installed("numpy"):
    import numpy
else:
    numpy = None


class Unsupported(Exception):
    """The library does not support a work."""


# Inputs: element i is a hash of i and a seed. The formula is the same in values.ts.


def values(shape, seed, library):
    length = math.prod(shape)
    x = library.arange(length, dtype=library.int64)
    x = ((x + seed * 1000003) * 0x9E3779B1) & 0xFFFFFFFF
    x = x ^ (x >> 15)
    x = (x * 0x2C1B3C6D) & 0xFFFFFFFF
    x = x ^ (x >> 12)
    if library is numpy:
        return (x.astype(numpy.float64) / 2**32 - 0.5).astype(numpy.float32).reshape(shape)
    return (x.double() / 2**32 - 0.5).float().reshape(shape)


def check_of(outputs):
    """The root mean square and three elements of each output."""
    numbers = []
    for output in outputs:
        flat = output.reshape(-1)
        length = flat.shape[0]
        numbers.append(float((flat**2).mean()) ** 0.5)
        numbers.extend(float(flat[i]) for i in (0, length // 2, length - 1))
    return numbers


# Matrix products, convolutions, attention


def prepare_gemm(work, library):
    outer = [] if work["batch"] == 1 else [work["batch"]]

    def operand(rows, columns, transposed, seed):
        shape = [columns, rows] if transposed else [rows, columns]
        stored = values(outer + shape, seed, library)
        return stored.swapaxes(-2, -1) if transposed else stored

    a = operand(work["m"], work["k"], work["transposeA"], 1)
    b = operand(work["k"], work["n"], work["transposeB"], 2)

    def run():
        return [a @ b]

    return run, check_of(run())


def prepare_conv(work):
    n, c, size = work["images"], work["channels"], work["size"]
    o, window, stride, padding = work["filters"], work["window"], work["stride"], work["padding"]
    out = (size + 2 * padding - window) // stride + 1
    x = values([n, c, size, size], 1, torch)
    w = values([o, c, window, window], 2, torch)
    g = values([n, o, out, out], 3, torch)
    settings = {"stride": stride, "padding": padding}
    runs = {
        "forward": lambda: [F.conv2d(x, w, None, **settings)],
        "input gradient": lambda: [torch.nn.grad.conv2d_input(x.shape, w, g, **settings)],
        "weight gradient": lambda: [torch.nn.grad.conv2d_weight(x, w.shape, g, **settings)],
    }
    run = runs[work["pass"]]
    return run, check_of(run())


def attention(q, k, v, mask):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=mask is not None)
    scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1) @ v


def causal_mask(length):
    return torch.full([length, length], float("-inf")).triu(1)


def prepare_attention(work):
    shape = [work["batch"], work["heads"], work["length"], work["width"]]
    q, k, v, g = (values(shape, seed, torch) for seed in (1, 2, 3, 4))
    mask = causal_mask(work["length"]) if work["causal"] else None

    def forward():
        return [attention(q, k, v, mask)]

    def both():
        with torch.enable_grad():
            output = attention(q, k, v, mask)
            return [output.detach(), *torch.autograd.grad(output, [q, k, v], g)]

    if work["pass"] == "forward":
        return forward, check_of(forward())
    for tensor in (q, k, v):
        tensor.requires_grad_()
    return both, check_of(both())


# CLIP (Radford et al. 2021) in plain torch.nn, with the parameter names of OpenAI's state_dict


def define_clip():
    class QuickGELU(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(1.702 * x)

    class Block(nn.Module):
        def __init__(self, width, heads, mask):
            super().__init__()
            self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
            self.ln_1 = nn.LayerNorm(width)
            self.mlp = nn.Sequential()
            self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
            self.mlp.add_module("gelu", QuickGELU())
            self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
            self.ln_2 = nn.LayerNorm(width)
            self.mask = mask

        def forward(self, x):
            y = self.ln_1(x)
            x = x + self.attn(y, y, y, need_weights=False, attn_mask=self.mask)[0]
            return x + self.mlp(self.ln_2(x))

    class Transformer(nn.Module):
        def __init__(self, width, layers, heads, mask=None):
            super().__init__()
            self.resblocks = nn.Sequential(*(Block(width, heads, mask) for _ in range(layers)))

        def forward(self, x):
            return self.resblocks(x)

    class VisionTransformer(nn.Module):
        def __init__(self, config, output):
            super().__init__()
            width, patch = config["width"], config["patchSize"]
            tokens = (config["imageSize"] // patch) ** 2 + 1
            self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
            self.class_embedding = nn.Parameter(torch.zeros(width))
            self.positional_embedding = nn.Parameter(torch.zeros(tokens, width))
            self.ln_pre = nn.LayerNorm(width)
            self.transformer = Transformer(width, config["layers"], config["heads"])
            self.ln_post = nn.LayerNorm(width)
            self.proj = nn.Parameter(torch.zeros(width, output))

        def forward(self, images):
            x = self.conv1(images).flatten(2).transpose(1, 2)
            x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1) + self.positional_embedding
            x = self.transformer(self.ln_pre(x))
            return self.ln_post(x[:, 0]) @ self.proj

    class Bottleneck(nn.Module):
        def __init__(self, inplanes, planes, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
            self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(planes * 4)
            self.downsample = None
            if stride > 1 or inplanes != planes * 4:
                self.downsample = nn.Sequential()
                self.downsample.add_module("-1", nn.AvgPool2d(stride))
                self.downsample.add_module("0", nn.Conv2d(inplanes, planes * 4, 1, bias=False))
                self.downsample.add_module("1", nn.BatchNorm2d(planes * 4))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            y = self.avgpool(F.relu(self.bn2(self.conv2(y))))
            y = self.bn3(self.conv3(y))
            return F.relu(y + (x if self.downsample is None else self.downsample(x)))

    class AttentionPool(nn.Module):
        def __init__(self, side, width, heads, output):
            super().__init__()
            self.positional_embedding = nn.Parameter(torch.zeros(side**2 + 1, width))
            self.k_proj, self.q_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
            self.c_proj = nn.Linear(width, output)
            self.heads = heads

        def forward(self, x):
            x = x.flatten(2).transpose(1, 2)
            x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positional_embedding

            def split(y):
                return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

            q, k, v = split(self.q_proj(x[:, :1])), split(self.k_proj(x)), split(self.v_proj(x))
            return self.c_proj(attention(q, k, v, None).transpose(1, 2).flatten(1))

    class ModifiedResNet(nn.Module):
        def __init__(self, config, output):
            super().__init__()
            width = config["width"]
            self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(width // 2)
            self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width // 2)
            self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
            self.bn3 = nn.BatchNorm2d(width)
            self.avgpool = nn.AvgPool2d(2)
            inplanes = width
            for stage, blocks in enumerate(config["layers"]):
                planes, modules = width * 2**stage, []
                for block in range(blocks):
                    modules.append(Bottleneck(inplanes, planes, 2 if stage > 0 and block == 0 else 1))
                    inplanes = planes * 4
                setattr(self, f"layer{stage + 1}", nn.Sequential(*modules))
            heads = config.get("heads") or 32 * width // 64
            self.attnpool = AttentionPool(config["imageSize"] // 32, 32 * width, heads, output)

        def forward(self, x):
            for conv, bn in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
                x = F.relu(bn(conv(x)))
            x = self.layer4(self.layer3(self.layer2(self.layer1(self.avgpool(x)))))
            return self.attnpool(x)

    class CLIP(nn.Module):
        def __init__(self, config):
            super().__init__()
            vision, text, output = config["vision"], config["text"], config["embedDim"]
            tower = VisionTransformer if vision["kind"] == "vit" else ModifiedResNet
            width, length = text["width"], text["contextLength"]
            self.visual = tower(vision, output)
            self.token_embedding = nn.Embedding(text["vocabularySize"], width)
            self.positional_embedding = nn.Parameter(torch.zeros(length, width))
            self.transformer = Transformer(width, text["layers"], text["heads"], causal_mask(length))
            self.ln_final = nn.LayerNorm(width)
            self.text_projection = nn.Parameter(torch.zeros(width, output))
            self.logit_scale = nn.Parameter(torch.zeros([]))

        def forward(self, images, tokens):
            x = self.transformer(self.token_embedding(tokens) + self.positional_embedding)
            ends = x[torch.arange(x.shape[0]), tokens.argmax(-1)]
            texts = F.normalize(self.ln_final(ends) @ self.text_projection, dim=-1)
            pictures = F.normalize(self.visual(images), dim=-1)
            logits = self.logit_scale.exp() * pictures @ texts.t()
            own = torch.arange(logits.shape[0])
            return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2

    return CLIP


def read_safetensors(path):
    dtypes = {"F32": torch.float32, "I32": torch.int32, "I64": torch.int64}
    tensors = {}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            raw = bytearray(end - begin)
            file.seek(8 + length + begin)
            file.readinto(raw)
            tensors[name] = torch.frombuffer(raw, dtype=dtypes[entry["dtype"]]).reshape(entry["shape"]).to(DEVICE)
    return tensors


def decays(name, parameter):
    """Whether a parameter has weight decay: CLIP excludes gains, biases and logit_scale."""
    return parameter.ndim >= 2 and not any(part in name for part in ("bn", "ln", "bias", "logit_scale"))


CHECKED_STEPS = 3


def prepare_clip_step(work):
    config, settings = work["config"], work["optimizer"]
    if config.get("activation", "quickgelu") != "quickgelu":
        raise Unsupported(f"the Python side has no {config['activation']}")
    model = define_clip()(config)
    model.load_state_dict(read_safetensors(work["modelFile"]), strict=True)
    batch = read_safetensors(work["batchFile"])
    images, tokens = batch["images"], batch["tokens"].long()
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in named if decays(n, p)], "weight_decay": settings["weightDecay"]},
            {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
        ],
        lr=settings["lr"],
        betas=tuple(settings["betas"]),
        eps=settings["eps"],
    )
    parameters = [p for _, p in named]

    def run():
        with torch.enable_grad():
            loss = model(images, tokens)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings["clipGradNorm"])
        optimizer.step()
        model.logit_scale.data.clamp_(0, math.log(100))
        return loss

    return run, [run().item() for _ in range(CHECKED_STEPS)]


def prepare_float(library, work):
    kind = work["kind"]
    if library == "numpy":
        if kind != "gemm":
            raise Unsupported("numpy is here for matrix products alone")
        return prepare_gemm(work, numpy)
    if kind == "gemm":
        return prepare_gemm(work, torch)
    return {"conv": prepare_conv, "attention": prepare_attention, "clip-step": prepare_clip_step}[kind](work)


def prepare(library, work):
    if work.get("precision") != "f16":
        return prepare_float(library, work)
    if library != "torch" or DEVICE == "cpu":
        raise Unsupported("16-bit floats are compared on GPUs alone")

    def autocast():
        return torch.autocast(DEVICE, torch.float16)

    with autocast():
        run, check = prepare_float(library, work)

    def run_half():
        with autocast():
            return run()

    return run_half, check


# Requests


def blas_of_numpy():
    """The BLAS that numpy has loaded; only fast ones are worth a comparison."""
    numpy.ones([2, 2]) @ numpy.ones([2, 2])
    try:
        with open("/proc/self/maps") as file:
            loaded = {os.path.basename(line.split()[-1]).lower() for line in file if ".so" in line}
    except OSError:
        loaded = set()
    own = os.path.join(os.path.dirname(numpy.__file__), os.pardir, "numpy.libs")
    loaded |= {name.lower() for name in (os.listdir(own) if os.path.isdir(own) else [])}
    for name, label in (("openblas", "OpenBLAS"), ("mkl_rt", "MKL"), ("blis", "BLIS")):
        if any(name in library for library in loaded):
            return label
    return None


def hello():
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__ if torch else None,
        "numpy": numpy.__version__ if numpy else None,
        "blas": blas_of_numpy() if numpy else None,
        "gpu": torch.cuda.get_device_name() if torch and DEVICE != "cpu" and torch.cuda.is_available() else None,
    }


def peak_resident():
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


class Server:
    def __init__(self):
        self.runs = {}

    def answer(self, request):
        task = request["do"]
        if task == "hello":
            return hello()
        if task == "peak":
            return {"bytes": peak_resident()}
        if task == "prepare":
            self.runs[request["slot"]], check = prepare(request["library"], request["work"])
            return {"check": check}
        if task == "measure":
            run, times, count = self.runs[request["slot"]], [], request["runs"]
            if DEVICE != "cpu":
                # The device works through a queue, so timing single runs would slow them down.
                torch.cuda.synchronize()
                start = time.perf_counter()
                for _ in range(count):
                    run()
                torch.cuda.synchronize()
                return {"times": [(time.perf_counter() - start) * 1000 / count] * count}
            for _ in range(count):
                start = time.perf_counter()
                run()
                times.append((time.perf_counter() - start) * 1000)
            return {"times": times}
        if task == "release":
            del self.runs[request["slot"]]
            return {}
        raise ValueError(f"unknown request {task}")


def main():
    server = Server()
    answers = sys.stdout
    sys.stdout = sys.stderr  # output of libraries must not be mixed with the answers
    if torch:
        torch.set_grad_enabled(False)
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Unsupported as error:
            answer = {"unsupported": str(error)}
        except Exception as error:  # reported to the caller
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
