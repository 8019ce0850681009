/** How images become a model's input, in the words of each library: bicubic, the square in the center, normalized. */
import type { Normalization } from '@tessera/models';

/** A configuration file of a folder: its name, and its content as JSON. */
export interface ConfigFile {
  readonly name: string;
  readonly content: object;
}

/** What a model was trained on. */
export interface Preprocessing {
  /** Side of the square images, in pixels. */
  readonly imageSize: number;
  readonly normalization: Normalization;
}

/** Pillow's number for bicubic. */
const bicubic = 3;

const clipImageProcessor = ({ imageSize, normalization: { mean, std } }: Preprocessing): object => ({
  image_processor_type: 'CLIPImageProcessor',
  do_convert_rgb: true,
  do_resize: true,
  size: { shortest_edge: imageSize },
  resample: bicubic,
  do_center_crop: true,
  crop_size: { height: imageSize, width: imageSize },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
});

/** Hugging Face's file for `AutoImageProcessor`; none where the preprocessing is not known. */
export const huggingFaceProcessor = (preprocessing: Preprocessing | null): ConfigFile[] =>
  preprocessing === null ? [] : [{ name: 'preprocessor_config.json', content: clipImageProcessor(preprocessing) }];

/** OpenCLIP's `preprocess_cfg`. */
export const openClipPreprocessing = ({ normalization: { mean, std } }: Preprocessing): object => ({
  mean,
  std,
  interpolation: 'bicubic',
  resize_mode: 'shortest',
});

/** The part of timm's `pretrained_cfg` that `resolve_data_config` reads. */
export const timmPreprocessing = ({ imageSize, normalization: { mean, std } }: Preprocessing): object => ({
  input_size: [3, imageSize, imageSize],
  interpolation: 'bicubic',
  crop_pct: 1,
  crop_mode: 'center',
  mean,
  std,
});

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length === 3 && value.every((number) => typeof number === 'number');

/** The normalization that the configuration files in a folder name; null where they name none. */
export function configuredNormalization(configFiles: Readonly<Record<string, unknown>>): Normalization | null {
  type Keys = Readonly<Record<string, unknown>>;
  const processor = configFiles['preprocessor_config.json'] as Keys | undefined;
  const timm = (configFiles['config.json'] as { readonly pretrained_cfg?: Keys } | undefined)?.pretrained_cfg;
  for (const [mean, std] of [
    [processor?.image_mean, processor?.image_std],
    [timm?.mean, timm?.std],
  ])
    if (isNumbers(mean) && isNumbers(std)) return { mean, std };
  return null;
}
