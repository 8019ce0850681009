import { nodePlatform } from './node-platform.ts';
import type { Platform } from './platform.ts';
import { webPlatform } from './web-platform.ts';

/** Where this program runs. */
export const platform: Platform =
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function' ? nodePlatform() : webPlatform();
