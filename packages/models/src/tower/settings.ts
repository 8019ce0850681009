/**
 * Settings of a model, described as data. TypeScript's types follow from the description, and a program that reads configurations
 * can make its own checks, help texts and defaults from it.
 */

interface Described<T> {
  /** What the setting means, for people who write a configuration. */
  readonly description: string;
  /** The value of a setting that is not given. */
  readonly default?: T;
  /** True if the setting may be missing without a default: the model then derives a value from its other settings. */
  readonly optional?: true;
}

/** A whole number. */
export interface IntegerSetting extends Described<number> {
  readonly kind: 'integer';
  readonly minimum: number;
}

/** Any number. */
export interface NumberSetting extends Described<number> {
  readonly kind: 'number';
  readonly minimum: number;
  readonly maximum: number;
}

/** One of several names. */
export interface ChoiceSetting extends Described<string> {
  readonly kind: 'choice';
  readonly choices: readonly string[];
}

/** A list of whole numbers. */
export interface IntegersSetting extends Described<readonly number[]> {
  readonly kind: 'integers';
  /** Of every element. */
  readonly minimum: number;
  /** The length of the list; null: any but 0. */
  readonly length: number | null;
}

export type Setting = IntegerSetting | NumberSetting | ChoiceSetting | IntegersSetting;

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting>>;

/** The type of a setting's values. */
export type ValueOf<S extends Setting> = S extends { readonly choices: readonly (infer Name)[] }
  ? Name
  : S extends { readonly kind: 'integers'; readonly length: 4 }
    ? readonly [number, number, number, number]
    : S extends { readonly kind: 'integers' }
      ? readonly number[]
      : number;

type Omittable<S extends Setting> = S extends { readonly default: unknown } | { readonly optional: true }
  ? true
  : false;

/** The type of the settings in a configuration: those with a default may be missing. */
export type ValuesOf<All extends Settings> = {
  readonly [Name in keyof All as Omittable<All[Name]> extends true ? never : Name]: ValueOf<All[Name]>;
} & {
  readonly [Name in keyof All as Omittable<All[Name]> extends true ? Name : never]?: ValueOf<All[Name]>;
};

/** The type of the settings after the defaults are filled in. */
export type CompleteValuesOf<All extends Settings> = {
  readonly [Name in keyof All as All[Name] extends { readonly optional: true } ? never : Name]: ValueOf<All[Name]>;
} & {
  readonly [Name in keyof All as All[Name] extends { readonly optional: true } ? Name : never]?: ValueOf<All[Name]>;
};

/** The given values, and the defaults of the settings that are missing. */
export function withDefaults<All extends Settings>(settings: All, given: ValuesOf<All>): CompleteValuesOf<All> {
  const defaults = Object.entries(settings).flatMap(([name, setting]) =>
    setting.default === undefined ? [] : [[name, setting.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...given } as unknown as CompleteValuesOf<All>;
}
