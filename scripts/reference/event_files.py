"""Event files, as PyTorch writes them and as TensorBoard reads them.

    python event_files.py write > packages/train/src/loggers/tensorboard/events.json
    python event_files.py read FOLDER

Needs torch, tensorboard and Pillow.
"""

import io
import json
import sys
import tempfile
from pathlib import Path


def framed(data):
    """A record as TensorBoard's own writer frames it."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    target = io.BytesIO()
    RecordWriter(target).write(data)
    return target.getvalue()


def events_of_torch():
    """The records of a SummaryWriter with given times, by what they contain."""
    import numpy as np
    from tensorboard.compat.proto.event_pb2 import Event
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder, purge_step=3) as writer:
            writer.add_scalar("train/loss", 0.1, 3, walltime=1700000000.25)
            writer.add_scalar("train/loss", 0.0, 300, walltime=1700000001.0)
            writer.add_text("config", "a: 1\nü: 2", 3, walltime=1700000000.25)
            # Values in the middles of 64 bins of width 1 from 0 to 64, but for the ends, so that sums are exact.
            values = np.array([0.0, 10.5, 10.5, 20.5, 64.0])
            writer.add_histogram("weights/a", values, 3, bins=np.linspace(0, 64, 65), walltime=1700000000.25)
            # Empty bins at both ends.
            writer.add_histogram("weights/b", values[1:4], 3, bins=np.linspace(0, 64, 65), walltime=1700000000.25)
            for summary in hparams({"lr": 0.5}, {})[1:]:
                writer.file_writer.add_summary(summary, 3, walltime=1700000000.25)
        (path,) = Path(folder).iterdir()
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

        # The file begins with a version and its writer's name, before what purge_step writes.
        events = [data for data in RawEventFileLoader(str(path)).Load() if Event.FromString(data).step > 0]
    names = ["version", "start", "scalar", "zero", "text", "histogram", "trimmedHistogram", "hparamsStart", "hparamsEnd"]
    # Of the first two events the time is that of the call.
    found = {}
    for name, data in zip(names, events, strict=True):
        event = Event.FromString(data)
        if name in ("version", "start"):
            event.wall_time = 1700000000.25
        found[name] = framed(event.SerializeToString()).hex()
    return found


def read(folder):
    """What TensorBoard reads in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    events = EventAccumulator(
        folder, size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    ).Reload()
    tags = events.Tags()

    def picture(event):
        from PIL import Image

        image = Image.open(io.BytesIO(event.encoded_image_string))
        return {"step": event.step, "size": [event.width, event.height], "decoded": list(image.size)}

    def histogram(event):
        value = event.histogram_value
        return {
            "step": event.step,
            "min": value.min,
            "max": value.max,
            "num": value.num,
            "limits": list(value.bucket_limit),
            "counts": list(value.bucket),
        }

    hparams = {}
    for tag, content in events.summary_metadata.items():
        if content.plugin_data.plugin_name == "hparams":
            data = HParamsPluginData.FromString(content.plugin_data.content)
            start = data.session_start_info.hparams
            hparams[tag] = {
                "settings": {key: getattr(start[key], start[key].WhichOneof("kind")) for key in sorted(start)},
                "status": data.session_end_info.status,
            }
    return {
        "scalars": {tag: [[s.step, s.value] for s in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": {tag: [picture(image) for image in events.Images(tag)] for tag in tags["images"]},
        "captions": {
            tag: events.SummaryMetadata(tag).summary_description for tag in tags["images"] if tag in events.summary_metadata
        },
        "histograms": {tag: [histogram(h) for h in events.Histograms(tag)] for tag in tags["histograms"]},
        "texts": {
            tag: [[t.step, t.tensor_proto.string_val[0].decode()] for t in events.Tensors(tag)]
            for tag in tags["tensors"]
            if events.SummaryMetadata(tag).plugin_data.plugin_name == "text"
        },
        "hparams": hparams,
    }


if __name__ == "__main__":
    if sys.argv[1] == "write":
        print(json.dumps(events_of_torch(), indent=1))
    else:
        print(json.dumps(read(sys.argv[2])))
