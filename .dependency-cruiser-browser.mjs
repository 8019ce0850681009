// What a browser loads: types erased, as bundlers see it. `depcruise` follows every import from these entries.
const entries = [
  'tensor/src/index',
  'autograd/src/index',
  'nn/src/index',
  'models/src/index',
  'data/src/browser',
  'weights/src/browser',
  'train/src/browser',
];

const nodeModules = [
  'assert|async_hooks|buffer|child_process|cluster|crypto|dns|events|fs|http|https|inspector|module|net|os|path|perf_hooks|process',
  'readline|sea|sqlite|stream|string_decoder|test|timers|tls|tty|url|util|v8|vm|wasi|worker_threads|zlib',
].join('|');

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'browsers-have-no-node',
      comment:
        "A browser loads this, and Node's modules with it: ask for them at run time, or keep the file out of the entry's reach.",
      severity: 'error',
      from: { path: `^packages/(${entries.join('|')})\\.ts$` },
      to: { path: `^(node:)?(${nodeModules})(/|$)|node_modules/(sharp|node)/`, reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: false,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['tessera-source', 'browser', 'import', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
