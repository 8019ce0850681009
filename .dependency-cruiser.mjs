// Each workspace may import those before it in this list, by name and through their public face, and nothing after it.
const order = [
  'packages/tensor',
  'packages/autograd',
  'packages/nn',
  'packages/models',
  'packages/data',
  'packages/weights',
  'packages/train',
  'packages/verify',
  'packages/split',
  'datasets',
  'examples/browser',
  'scripts',
];

const oneWay = order.slice(0, -1).map((folder, i) => ({
  name: `${folder.replace('packages/', '')}-imports-only-what-is-below-it`,
  comment: `${folder} may import only ${order.slice(0, i).join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: `^(${order.slice(i + 1).join('|')})/` },
}));

const throughThePublicFace = order.map((folder) => ({
  name: `${folder.replace('packages/', '')}-is-imported-through-its-index`,
  comment: `Import ${folder} by its package name: what its "exports" do not name is private.`,
  severity: 'error',
  from: { pathNot: `^${folder}/` },
  to: {
    path: `^${folder}/`,
    pathNot: `^${folder}/src/(index|browser|arrow/index|io/index|random/threefry|testing/(conformance|tiny-dataset))\\.ts$`,
  },
}));

// The rooms of the WebAssembly backend, and which of them each may import. The files at its top import them all.
const wasm = 'packages/tensor/src/backends/wasm';
const wasmRooms = {
  emit: [],
  vectors: ['emit'],
  loops: ['emit', 'vectors'],
  products: ['emit', 'vectors', 'loops'],
  memory: [],
  threads: ['emit', 'memory'],
};

const wasmOneWay = Object.entries(wasmRooms).map(([room, below]) => ({
  name: `wasm-${room}-imports-only-what-is-below-it`,
  comment: `Of the WebAssembly backend, ${room}/ may import only ${below.join(', ') || 'itself'}.`,
  severity: 'error',
  from: { path: `^${wasm}/${room}/`, pathNot: '\\.(test|testing)\\.ts$' },
  to: { path: `^${wasm}/`, pathNot: `^${wasm}/(${[room, ...below].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...oneWay,
    ...throughThePublicFace,
    ...wasmOneWay,
    {
      name: 'other-packages-by-name',
      comment: 'A relative import must not leave its package: import @tessera/NAME.',
      severity: 'error',
      from: { path: '^((?:packages/|examples/)?[^/]+)/' },
      to: { path: '^((?:packages/|examples/)?[^/]+)/', pathNot: ['^$1/', 'node_modules'], dependencyTypes: ['local'] },
    },
    {
      name: 'no-circles',
      comment: 'Modules that import each other, types included, cannot be read or tested one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'This import leads nowhere.',
      severity: 'error',
      from: {},
      // Vite's export of types alone.
      to: { couldNotResolve: true, pathNot: '^vite/client$' },
    },
    {
      name: 'no-libraries-beneath-training',
      comment:
        'tensor, autograd, nn and models need nothing but each other at run time, and the parser of custom kernels.',
      severity: 'error',
      from: { path: '^packages/(tensor|autograd|nn|models)/', pathNot: '\\.(test|testing|bench)\\.ts$|/testing/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^(packages|node_modules/acorn)/',
      },
    },
    {
      name: 'libraries-are-declared',
      comment: "The library is missing from the package's own package.json.",
      severity: 'error',
      from: { pathNot: '\\.(test|testing|bench)\\.ts$|/testing/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages/[^/]+|datasets|scripts|examples/[^/]+)/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['tessera-source', 'node', 'import', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
