#!/usr/bin/env node
/** The command `tessera`. With the condition `tessera-source` it runs the sources, as npm run does in the repository. */
import './compile-cache.js';

const { main } = await import('#main');
await main(process.argv.slice(2));
