/** Runs the kernels' tests with V8's re-vectorizer, which pairs 128-bit vectors (Node 24 and newer; older ones reject or ignore the flag). */
import { setFlagsFromString } from 'node:v8';
import { loopSuite } from './loops/loop.suite.testing.ts';
import { blockProgramSuite } from './products/block-program.suite.testing.ts';

setFlagsFromString('--no-liftoff');
setFlagsFromString('--experimental-wasm-revectorize');

loopSuite();
blockProgramSuite();
