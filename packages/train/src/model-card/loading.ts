/** How each library loads a folder, in a few lines of code. */

/** The libraries for which folders are written. */
export const folderLibraries = ['hugging-face', 'open-clip', 'timm', 'onnx'] as const;

export type FolderLibrary = (typeof folderLibraries)[number];

export type FolderModel = 'clip' | 'classifier' | 'features';

const python = (...lines: readonly string[]): string => lines.join('\n');

const opened = "images = [Image.open('image.png').convert('RGB')]";

const timm = python(
  'import timm, torch; from PIL import Image',
  "model = timm.create_model('local-dir:FOLDER', pretrained=True).eval()",
  'transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))',
  "outputs = model(transform(Image.open('image.png').convert('RGB')).unsqueeze(0))",
  "print(model.pretrained_cfg['label_names'][outputs.argmax(1)])",
);

const onnxImage = [
  'import onnxruntime; from PIL import Image; from transformers import AutoImageProcessor, AutoTokenizer',
  "inputs = AutoImageProcessor.from_pretrained('FOLDER')([Image.open('image.png').convert('RGB')], return_tensors='np')",
  "image = onnxruntime.InferenceSession('FOLDER/image.onnx').run(None, {'pixel_values': inputs['pixel_values']})[0]",
];

/** FOLDER is replaced. Null: the library has no such models. */
export const loadingCode: Readonly<Record<FolderLibrary, Readonly<Record<FolderModel, string | null>>>> = {
  'hugging-face': {
    clip: python(
      'from PIL import Image; from transformers import CLIPModel, CLIPProcessor',
      "model, processor = CLIPModel.from_pretrained('FOLDER'), CLIPProcessor.from_pretrained('FOLDER')",
      opened,
      "inputs = processor(text=['a cat', 'a dog'], images=images, return_tensors='pt', padding=True, truncation=True)",
      'print(model(**inputs).logits_per_image.softmax(1))',
    ),
    classifier: python(
      'from PIL import Image; from transformers import AutoImageProcessor, AutoModelForImageClassification',
      "model = AutoModelForImageClassification.from_pretrained('FOLDER')",
      "inputs = AutoImageProcessor.from_pretrained('FOLDER')(",
      "    Image.open('image.png').convert('RGB'), return_tensors='pt')",
      'print(model.config.id2label[model(**inputs).logits.argmax(1).item()])',
    ),
    features: null,
  },
  'open-clip': {
    clip: python(
      'import open_clip; from PIL import Image',
      "model, preprocess = open_clip.create_model_from_pretrained('local-dir:FOLDER')",
      "tokenizer = open_clip.get_tokenizer('local-dir:FOLDER')",
      "image = preprocess(Image.open('image.png').convert('RGB')).unsqueeze(0)",
      "print(model.eval().get_logits(image, tokenizer(['a cat', 'a dog']))[0].softmax(1))",
    ),
    classifier: null,
    features: null,
  },
  timm: { clip: null, classifier: timm, features: timm },
  onnx: {
    clip: python(
      ...onnxImage,
      "tokenizer = AutoTokenizer.from_pretrained('FOLDER')",
      "ids = tokenizer(['a cat', 'a dog'], padding='max_length', truncation=True, return_tensors='np')['input_ids']",
      "text = onnxruntime.InferenceSession('FOLDER/text.onnx').run(None, {'input_ids': ids.astype('int64')})[0]",
      'print(image @ text.T)  # of vectors of length 1, times logit_scale in config.json: the logits',
    ),
    classifier: python(...onnxImage, 'print(image.argmax(1))  # logits; the names are in config.json'),
    features: python(...onnxImage, 'print(image.shape)'),
  },
};
