/** timm's config.json: the architecture with its arguments, the preprocessing, and the names of the classes. */
import type { FolderFacts } from './format.ts';
import { type ConfigFile, timmPreprocessing } from './preprocessing.ts';

/** A model as `timm.create_model(architecture, **arguments)` builds it. */
export interface TimmModel {
  /** A registered name of the same family; the arguments override its sizes. */
  readonly architecture: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly classes: number;
  readonly features: number;
  /** Whether images of other sizes do not fit. */
  readonly fixedSize: boolean;
  /** The names of the first convolution and of the layer with the classes. */
  readonly first: string;
  readonly classifier: string | readonly string[];
}

/** The files for `timm.create_model('local-dir:FOLDER', pretrained=True)`. */
export const timmConfig = (model: TimmModel, { classNames, preprocessing }: FolderFacts): ConfigFile[] => [
  {
    name: 'config.json',
    content: {
      architecture: model.architecture,
      num_classes: model.classes,
      num_features: model.features,
      model_args: model.arguments,
      ...(classNames === null ? {} : { label_names: classNames }),
      pretrained_cfg: {
        custom_load: false,
        ...(preprocessing === null ? {} : { ...timmPreprocessing(preprocessing), fixed_input_size: model.fixedSize }),
        num_classes: model.classes,
        pool_size: null,
        first_conv: model.first,
        classifier: model.classifier,
      },
    },
  },
];
