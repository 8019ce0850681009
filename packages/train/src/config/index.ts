/** Settings of a run: their schema, how they are put together, and how they are listed. */
export { listSettings, type SettingInfo } from './keys.ts';
export { ConfigError, formatConfig, parseConfig, presetsOf } from './resolve.ts';
export type { RunConfig, TaskCatalog, TaskSettings } from './schema.ts';
export { settingMeantBy } from './synonyms.ts';
