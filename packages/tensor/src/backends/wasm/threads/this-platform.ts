/** Chooses the platform of this program. */
import { nodePlatform } from './node-platform.ts';
import type { Platform } from './platform.ts';
import { webPlatform } from './web-platform.ts';

export const platform: Platform =
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function' ? nodePlatform() : webPlatform();
