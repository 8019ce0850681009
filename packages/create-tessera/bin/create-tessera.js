#!/usr/bin/env node
/** `npm create tessera FOLDER`: the same as `tessera init FOLDER`. */
import { main } from '@tessera/cli';

await main(['init', ...process.argv.slice(2)]);
