"""Reads the files that write.test.ts wrote with pyarrow, Hugging Face datasets and webdataset, and records what they read.

    mkdir /tmp/written; TESSERA_WRITTEN=/tmp/written npx vitest run packages/data/src/write
    python packages/data/data-files/read-written.py /tmp/written

pyarrow 26.0.1, datasets 5.2.0, webdataset 1.0.2.
"""
import hashlib
import json
import sys
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import webdataset

folder = Path(sys.argv[1])
datasets.disable_progress_bars()


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return value


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


file = folder / "peers.parquet"
table = pq.read_table(file)
rows = [plain(row) for row in table.to_pylist()]
loaded = datasets.load_dataset("parquet", data_files=str(file), split="train")
assert loaded.features["image"] == datasets.Image(), loaded.features
assert loaded.features["label"].names == ["cat", "dög"], loaded.features
assert loaded.features["tags"] == datasets.List(datasets.ClassLabel(names=["a", "b"])), loaded.features
# Parquet has one type of text; pyarrow tells large ones apart by a schema of its own, which other writers do not add.
assert loaded.features["large"] == datasets.Value("string")
undecoded = loaded.cast_column("image", datasets.Image(decode=False))
assert [plain(row) for row in undecoded] == rows
parquet = {"sha256": sha256(file), "rows": rows}

file = folder / "peers.tar"
rows = []
for sample in webdataset.WebDataset(str(file), shardshuffle=False):
    fields = json.loads(sample["json"])
    image = next((sample[ending] for ending in ("jpg", "png") if ending in sample), None)
    row = {"image": plain(image)}
    row["caption"] = sample["txt"].decode() if "txt" in sample else None
    row["label"] = int(sample["cls"]) if "cls" in sample else None
    row["data"] = plain(sample.get("data"))
    rows.append({**row, **fields})
# datasets reads only tar files in which all rows have the same members, which these do not.
tar = {"sha256": sha256(file), "rows": rows}

out = Path(__file__).parent / "written/peers.json"
out.write_text(json.dumps({"parquet": parquet, "tar": tar}, ensure_ascii=False, indent=1) + "\n")
