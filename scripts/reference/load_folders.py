"""Loads folders that `npm run convert` wrote, with the libraries that they are for, and prints what the models compute.

python load_folders.py REQUEST.json

The request is {"images": [PATH, ...], "texts": [TEXT, ...], "folders": [{"library": NAME, "path": FOLDER}, ...]}; the answer, on
standard output, is a list with one object for each folder: {"logits": [[...], ...]} of a classifier, with the names of its classes, or
{"image": [[...], ...], "text": [[...], ...]} of CLIP: features that are not normalized. Images and texts go through the library's own
preprocessing and tokenizer, as the folder sets them.
"""
import json
import sys

import torch
from PIL import Image


def hugging_face(path, images, texts):
    from transformers import AutoConfig, AutoModelForImageClassification, CLIPModel, CLIPProcessor
    from transformers import AutoImageProcessor

    # Pillow's resizing is what models were trained with; torchvision's of bytes rounds in another way.
    processing = AutoImageProcessor.from_pretrained(path, backend="pil")
    pixels = processing(images=images, return_tensors="pt")["pixel_values"]
    if AutoConfig.from_pretrained(path).model_type != "clip":
        model, info = AutoModelForImageClassification.from_pretrained(path, output_loading_info=True)
        check_loading(info)
        names = [model.config.id2label[k] for k in range(model.config.num_labels)]
        return {"logits": model.eval()(pixel_values=pixels).logits, "names": names}
    model, info = CLIPModel.from_pretrained(path, output_loading_info=True)
    check_loading(info)
    model.eval()
    tokenizer = CLIPProcessor.from_pretrained(path).tokenizer
    tokens = tokenizer(texts, return_tensors="pt", padding=True, truncation=True)
    image = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
    text = model.text_projection(model.text_model(**tokens).pooler_output)
    return {"image": image, "text": text, "scale": model.logit_scale.exp()[None]}


def check_loading(info):
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if problems:
        raise ValueError(f"the folder does not fit the model: {problems}")


def open_clip(path, images, texts):
    import open_clip as library

    model, preprocess = library.create_model_from_pretrained(f"local-dir:{path}")
    model.eval()
    tokenizer = library.get_tokenizer(f"local-dir:{path}")
    pixels = torch.stack([preprocess(image) for image in images])
    return {
        "image": model.encode_image(pixels),
        "text": model.encode_text(tokenizer(texts)),
        "scale": model.logit_scale.exp()[None],
    }


def timm(path, images, texts):
    import timm as library

    model = library.create_model(f"local-dir:{path}", pretrained=True).eval()
    transform = library.data.create_transform(**library.data.resolve_model_data_config(model))
    pixels = torch.stack([transform(image) for image in images])
    return {"logits": model(pixels), "names": model.pretrained_cfg["label_names"]}


def onnx(path, images, texts):
    import os

    import numpy
    import onnx as library
    import onnxruntime

    answer = {}
    with open(os.path.join(path, "preprocessor_config.json")) as file:
        settings = json.load(file)
    from transformers import CLIPImageProcessorPil

    pixels = CLIPImageProcessorPil(**settings)(images=images, return_tensors="np")["pixel_values"]
    inputs = {"image": {"pixel_values": pixels.astype(numpy.float32)}}
    if os.path.exists(os.path.join(path, "text.onnx")):
        from transformers import AutoTokenizer

        tokens = AutoTokenizer.from_pretrained(path)(texts, return_tensors="np", padding="max_length", truncation=True)
        inputs["text"] = {"input_ids": tokens["input_ids"].astype(numpy.int64)}
    for name, values in inputs.items():
        file = os.path.join(path, f"{name}.onnx")
        library.checker.check_model(file, full_check=True)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        [output] = session.get_outputs()
        result = torch.from_numpy(session.run(None, values)[0])
        answer["logits" if output.name == "logits" else name] = result
    return answer


libraries = {"hugging-face": hugging_face, "open-clip": open_clip, "timm": timm, "onnx": onnx}


def main():
    with open(sys.argv[1]) as file:
        request = json.load(file)
    images = [Image.open(path).convert("RGB") for path in request["images"]]
    answers = []
    with torch.no_grad():
        for folder in request["folders"]:
            answer = libraries[folder["library"]](folder["path"], images, request["texts"])
            answers.append({key: value if key == "names" else value.tolist() for key, value in answer.items()})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
