"""Loads images with PyTorch's DataLoader for a benchmark: a line of JSON for each request, and one for each answer.

The requests are those of torch_bench.py: hello, prepare, measure, release, and cpu.
"""
import glob
import json
import multiprocessing
import os
import sys
import tarfile
import time

import torch
import torchvision
from PIL import Image, features
from torchvision import transforms as T

try:
    import webdataset
except ImportError:
    webdataset = None

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
BICUBIC = T.InterpolationMode.BICUBIC
GRAY = [128, 128, 128]


def augmentation(name, size):
    strong = [T.RandomResizedCrop(size, scale=(0.35, 1.0), interpolation=BICUBIC), T.RandomHorizontalFlip()]
    if name == "clip":
        return [T.RandomResizedCrop(size, scale=(0.9, 1.0), interpolation=BICUBIC)]
    if name == "trivialaugment":
        return [*strong, T.TrivialAugmentWide(fill=GRAY)]
    if name == "randaugment":
        return [*strong, T.RandAugment(2, 9, fill=GRAY)]
    if name == "drawings":
        working = -(-size * 9 // 8)
        affine = T.RandomAffine(12, (0.08, 0.08), (0.85, 1.1), 5, interpolation=BICUBIC, fill=[255, 255, 255])
        return [T.Resize(working, BICUBIC), T.CenterCrop(working), affine, T.Resize(size, BICUBIC), T.ColorJitter(0.2, 0.2, 0.3, 0.04)]
    raise ValueError(f"unknown augmentation {name}")


def transform(work):
    """Bytes as PIL reads them, or what models take: normalized f32."""
    steps = augmentation(work["augmentation"], work["imageSize"])
    if work["output"] == "bytes":
        return T.Compose([*steps, T.PILToTensor()])
    erasing = [T.RandomErasing(0.25)] if work["augmentation"] == "randaugment" else []
    return T.Compose([*steps, T.ToTensor(), T.Normalize(MEAN, STD), *erasing])


class Files(torch.utils.data.Dataset):
    def __init__(self, work):
        self.paths = sorted(glob.glob(os.path.join(work["files"], "*.jpg")))
        self.transform = transform(work)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with open(self.paths[index], "rb") as file:
            return self.transform(Image.open(file).convert("RGB"))


def shards(work):
    """As many tar files as workers, with the same files."""
    folder = f"{work['files']}-tar-{work['workers']}"
    paths = sorted(glob.glob(os.path.join(work["files"], "*.jpg")))
    urls = [os.path.join(folder, f"{index:02}.tar") for index in range(work["workers"])]
    if not os.path.isdir(folder):
        os.mkdir(folder)
        for index, url in enumerate(urls):
            with tarfile.open(url, "w") as tar:
                for path in paths[index :: work["workers"]]:
                    tar.add(path, os.path.basename(path))
    return urls


def loader(library, work):
    common = {"num_workers": work["workers"], "persistent_workers": True}
    if library == "webdataset":
        change = transform(work)
        images = webdataset.WebDataset(shards(work), shardshuffle=False).decode("pil").to_tuple("jpg")
        images = images.map_tuple(change).batched(work["batchSize"])
        return webdataset.WebLoader(images, batch_size=None, **common)
    return torch.utils.data.DataLoader(Files(work), batch_size=work["batchSize"], shuffle=True, **common)


def check(work):
    """The number of images, and the sum of the first one's pixels as evaluation reads it."""
    files = Files(work)
    size = work["imageSize"]
    center = T.Compose([T.Resize(size, BICUBIC), T.CenterCrop(size), T.PILToTensor()])
    return [len(files), center(Image.open(files.paths[0]).convert("RGB")).to(torch.int64).sum().item()]


def prepare(library, work):
    batches = loader(library, work)

    def run():
        count = 0
        for batch in batches:
            count += len(batch[0] if isinstance(batch, (list, tuple)) else batch)
        if count != work["images"]:
            raise ValueError(f"{library} loaded {count} images of {work['images']}")

    return run, check(work)


def cpu_time():
    """CPU time of this process and its workers in ms; None where the system does not tell."""
    ticks = 0
    try:
        for pid in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    except OSError:
        return None
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def hello():
    return {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "pillow": Image.__version__,
        "turbo": bool(features.check_feature("libjpeg_turbo")),
        "webdataset": webdataset.__version__ if webdataset else None,
    }


def main():
    torch.set_num_threads(1)
    runs = {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries must not be mixed with the answers
    for line in sys.stdin:
        request = json.loads(line)
        try:
            task = request["do"]
            if task == "hello":
                answer = hello()
            elif task == "prepare":
                runs[request["slot"]], values = prepare(request["library"], request["work"])
                answer = {"check": values}
            elif task == "measure":
                times = []
                for _ in range(request["runs"]):
                    start = time.perf_counter()
                    runs[request["slot"]]()
                    times.append((time.perf_counter() - start) * 1000)
                answer = {"times": times}
            elif task == "cpu":
                answer = {"ms": cpu_time()}
            elif task == "release":
                del runs[request["slot"]]
                answer = {}
            else:
                raise ValueError(f"unknown request {task}")
        except Exception as error:  # reported to the caller
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
