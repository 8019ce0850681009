/** The settings of convolutions in `String(module)`. */
import { pythonValue } from '../module/print-module.ts';

interface Settings {
  readonly stride?: number | readonly number[];
  readonly padding?: number | readonly number[] | string;
  readonly outputPadding?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
  readonly bias?: boolean;
  readonly paddingMode?: string;
}

/** `3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False`: settings with their default are left out, except the stride. */
export function convRepr(channels: readonly [number, number], kernel: readonly number[], settings: Settings): string {
  const {
    stride = 1,
    padding = 0,
    outputPadding = 0,
    dilation = 1,
    groups = 1,
    bias,
    paddingMode = 'zeros',
  } = settings;
  const perAxis = (value: number | readonly number[]): readonly number[] =>
    typeof value === 'number' ? kernel.map(() => value) : value;
  const unless = (name: string, value: number | readonly number[] | string, usual: number): string[] => {
    if (typeof value === 'string') return [`${name}=${value}`];
    const sizes = perAxis(value);
    return sizes.every((size) => size === usual) ? [] : [`${name}=${pythonValue(sizes)}`];
  };
  return [
    ...channels.map(String),
    `kernel_size=${pythonValue(kernel)}`,
    `stride=${pythonValue(perAxis(stride))}`,
    ...unless('padding', padding, 0),
    ...unless('dilation', dilation, 1),
    ...unless('output_padding', outputPadding, 0),
    ...(groups === 1 ? [] : [`groups=${groups}`]),
    ...(bias === false ? ['bias=False'] : []),
    ...(paddingMode === 'zeros' ? [] : [`padding_mode=${paddingMode}`]),
  ].join(', ');
}
