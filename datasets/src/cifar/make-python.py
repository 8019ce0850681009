"""Writes python.json: tiny batches of CIFAR's versions for Python, as Python 2 and 3 write them, in base 64. python make-python.py > python.json"""

import base64
import json
import pickle

import numpy as np

planes = np.stack([np.r_[np.arange(1024) % 32, np.arange(1024) // 32, np.full(1024, k)].astype(np.uint8) for k in (7, 103)])


def python2(data, labels):
    """The operations of the published files: strings of Python 2, an array by _reconstruct (numpy.core) with its bytes as a string."""
    string = lambda b: (b"U" + bytes([len(b)]) if len(b) < 256 else b"T" + len(b).to_bytes(4, "little")) + b
    number = lambda n: b"K" + bytes([n])
    array = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + string(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + string(b"u1") + b"K\x00K\x01\x87R(K\x03" + string(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01" + b"K%cM\x00\x0c\x86" % len(data) + dtype + b"\x89" + string(data.tobytes()) + b"tb"
    numbers = b"](" + b"".join(number(n) for n in labels) + b"e"
    return b"\x80\x02}(" + string(b"data") + array + state + string(b"labels") + numbers + string(b"batch_label") + string(b"one") + b"u."


files = {"python 2": python2(planes, [3, 9])}
assert (pickle.loads(files["python 2"], encoding="bytes")[b"data"] == planes).all()
for protocol in (2, 3, 4, 5):
    files[f"protocol {protocol}"] = pickle.dumps({b"data": planes, b"labels": [3, 9]}, protocol)
files["text keys"] = pickle.dumps({"data": planes, "labels": [3, 9]}, 4)
files["wide"] = pickle.dumps({b"data": planes.astype(np.int32), b"labels": [3, 9]}, 2)
files["columns"] = pickle.dumps({b"data": np.asfortranarray(planes), b"labels": [3, 9]}, 2)
files["code"] = b"\x80\x02cos\nsystem\nU\x04true\x85R."
names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
files["names"] = pickle.dumps({b"label_names": names, b"num_vis": 3072}, 2)
print(json.dumps({name: base64.b64encode(data).decode() for name, data in files.items()}, indent=1))
