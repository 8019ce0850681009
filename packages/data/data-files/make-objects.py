"""Writes data-files/objects: detection columns in the layouts of Hugging Face datasets, and masks as Pillow reads them.

Made with datasets 5.2, pyarrow 26, Pillow 13 and NumPy 2.4: python make-objects.py
"""

import io
import json
import pathlib

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features, Image, List, Sequence, Value
from PIL import Image as Pillow

out = pathlib.Path(__file__).parent / "objects"
names = ["cat", "dog", "traffic light"]


def png(array, mode="RGB"):
    buffer = io.BytesIO()
    Pillow.fromarray(array, mode).save(buffer, "PNG")
    return buffer.getvalue()


pictures = [png(np.full((6, 8, 3), 40 * k, np.uint8)) for k in range(3)]
boxes = [[[1.5, 2.0, 3.25, 4.0], [0.0, 0.0, 8.0, 6.0]], [], [[2.0, 1.0, 1.0, 1.0]]]
categories = [[2, 0], [], [1]]
crowds = [[0, 1], [], [0]]
structs = [
    [{"bbox": b, "category": c, "iscrowd": w} for b, c, w in zip(*row)] for row in zip(boxes, categories, crowds)
]
lists = [{"bbox": b, "category": c, "iscrowd": w} for b, c, w in zip(boxes, categories, crowds)]
member = {"bbox": List(Value("float32"), length=4), "category": ClassLabel(names=names), "iscrowd": Value("int8")}


def write(name, rows, feature):
    features = Features({"image": Image(), "objects": feature})
    data = Dataset.from_dict({"image": [{"bytes": p, "path": None} for p in pictures], "objects": rows}, features)
    table = data.data.table
    with pa.OSFile(str(out / f"{name}.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return table.schema


schema = write("sequence", lists, Sequence(member))
write("list-of-structs", structs, List(member))

# What datasets before 4.0 wrote: Sequence in the metadata, the same storage.
metadata = json.loads(schema.metadata[b"huggingface"])
old = {"bbox": {"feature": {"dtype": "float32", "_type": "Value"}, "length": 4, "_type": "Sequence"}}
old |= {"category": {"names": names, "_type": "ClassLabel"}, "iscrowd": {"dtype": "int8", "_type": "Value"}}
metadata["info"]["features"]["objects"] = {"feature": old, "_type": "Sequence"}
table = pa.ipc.open_stream(str(out / "sequence.arrow")).read_all()
table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
with pa.OSFile(str(out / "old-sequence.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
    writer.write_table(table)

# Masks: indices of a palette with 1 to 8 bits, gray values, bits, and interlaced rows.
random = np.random.default_rng(0)
expected = {}
for depth in (1, 2, 4, 8):
    classes = random.integers(0, min(2**depth, 21), (5, 13), dtype=np.uint8)
    if depth == 8:
        classes[0] = 255
    image = Pillow.fromarray(classes, "P")
    image.putpalette([(k * 7) % 256 for k in range(3 * 2**depth)])
    image.save(out / f"palette-{depth}.png", bits=depth)
    read = Pillow.open(out / f"palette-{depth}.png")
    assert read.mode == "P" and (np.array(read) == classes).all()
    expected[f"palette-{depth}.png"] = np.array(read).tolist()
gray = random.integers(0, 256, (4, 3), dtype=np.uint8)
Pillow.fromarray(gray, "L").save(out / "gray.png")
Pillow.fromarray(gray, "L").save(out / "gray.bmp")
Pillow.fromarray(gray, "L").save(out / "gray.tif")
expected |= {f"gray.{ending}": gray.tolist() for ending in ("png", "bmp", "tif")}
bits = random.integers(0, 2, (3, 11), dtype=np.uint8)
Pillow.fromarray(bits.astype(bool)).save(out / "bits.png")
expected["bits.png"] = np.array(Pillow.open(out / "bits.png")).astype(int).tolist()
(out / "masks.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
