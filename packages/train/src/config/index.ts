/** Settings of a run: their schema, how configurations are composed, and the list of settings. */
export { listSettings, type SettingInfo } from './keys.ts';
export { ConfigError, formatConfig, parseConfig, presetsOf } from './resolve.ts';
export type { RunConfig, TaskCatalog, TaskSettings } from './schema.ts';
export { settingMeantBy } from './synonyms.ts';
