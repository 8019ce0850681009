/**
 * The gpu.js backend, which reaches the most platforms (WebGL and plain JavaScript included). Importing this file registers it as
 * 'gpujs' (the best available mode) and as 'gpujs:MODE'; gpu.js itself is loaded when one of them is opened.
 */
import { registerAsyncBackend } from '../../kernel/backend.ts';
import { openGpujsBackend } from './backend.ts';
import { modeNames } from './modes.ts';

export { GpujsBackend, openGpujsBackend } from './backend.ts';

registerAsyncBackend('gpujs', () => openGpujsBackend());
for (const mode of modeNames) registerAsyncBackend(`gpujs:${mode}`, () => openGpujsBackend(mode));
