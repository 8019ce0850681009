export { listSettings, type SettingInfo } from './keys.ts';
export { type ConfigSources, loadConfig } from './load.ts';
export { type ConfigPresetName, configPresets, defaultPresets } from './presets.ts';
export { ConfigError, formatConfig, parseConfig } from './resolve.ts';
export {
  type ClassifyConfig,
  type ContrastiveConfig,
  configSchemas,
  type RunConfig,
  type TaskName,
  type VQConfig,
} from './schema.ts';
