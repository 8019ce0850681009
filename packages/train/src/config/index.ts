export { listSettings, type SettingInfo } from './keys.ts';
export { type ConfigPresetName, configPresets, defaultPresets } from './presets.ts';
export { ConfigError, type ConfigSources, formatConfig, loadConfig } from './resolve.ts';
export { type ClassifyConfig, type ContrastiveConfig, configSchemas, type RunConfig, type TaskName } from './schema.ts';
