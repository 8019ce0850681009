/**
 * Loaded before every command, with `--import`: from the second run on, V8 and Node's type stripper find what they made of the sources in
 * a folder, which more than halves the time for loading them. `NODE_DISABLE_COMPILE_CACHE=1` leaves that out, `NODE_COMPILE_CACHE`
 * names another folder. JavaScript, so that the type stripper is not started for this file alone.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/tessera-sources', import.meta.url)));
