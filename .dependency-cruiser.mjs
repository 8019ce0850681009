import { readFileSync } from 'node:fs';

// Each workspace may import those before it in this list, by name and through their public face, and nothing after it.
const order = [
  'packages/tensor',
  'packages/autograd',
  'packages/mpi',
  'packages/nn',
  'packages/models',
  'packages/data',
  'packages/http',
  'packages/weights',
  'packages/train',
  'packages/verify',
  'packages/split',
  'packages/serve',
  'packages/dashboard',
  'datasets',
  'packages/cli',
  'packages/create-tessera',
  'examples/browser',
  'scripts',
  'site',
];

const oneWay = order.slice(0, -1).map((folder, i) => ({
  name: `${folder.replace('packages/', '')}-imports-only-what-is-below-it`,
  comment: `${folder} may import only ${order.slice(0, i).join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: `^(${order.slice(i + 1).join('|')})/` },
}));

// Workspaces that may import less than all of those before them.
const only = {
  'packages/mpi': 'packages/tensor/src/kernel/index\\.ts$',
  'packages/data': 'packages/tensor/src/(random/threefry|backends/wasm/emit/index)\\.ts$',
  datasets: 'packages/data/',
  'packages/http': 'packages/data/',
};

const onlyThese = Object.entries(only).map(([folder, allowed]) => ({
  name: `${folder.replace('packages/', '')}-imports-less-than-what-is-below-it`,
  comment: `Of the other workspaces, ${folder} may import only ${allowed.replace('\\.ts$', '.ts')}.`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: `^(${order.join('|')})/`, pathNot: `^(${folder}/|${allowed})` },
}));

/** The source files that a workspace's package.json exports, as one pattern. */
function exportedFiles(folder) {
  const { exports = {} } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const files = Object.values(exports).map((entry) => (typeof entry === 'string' ? entry : entry['tessera-source']));
  return `^${folder}/(${files.map((file) => file.slice(2).replaceAll('.', '\\.')).join('|')})$`;
}

const throughThePublicFace = order.map((folder) => ({
  name: `${folder.replace('packages/', '')}-is-imported-through-its-exports`,
  comment: `Import ${folder} by its package name: what its "exports" do not name is private.`,
  severity: 'error',
  from: { pathNot: `^${folder}/` },
  to: { path: `^${folder}/`, pathNot: exportedFiles(folder) },
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
/*
 * The rooms of packages/tensor/src, in the order in which a program passes through them. A room may import itself and the rooms named
 * here. The files in src itself (`tensor.ts`, `functions.ts`, `compile.ts`, ...: what a user touches) may import every room, and no room
 * imports them. Tests are free.
 */
const tensorRooms = [
  // Kernels, plans, views, dtypes, shapes, and the interface of a backend: all that a backend sees, and the language of all others.
  { room: 'kernel', imports: [] },
  // One file: the counter-based generator of random bits. Also the subpath @tessera/tensor/threefry.
  { room: 'random/threefry', imports: [] },
  // Nodes, their checked constructors, and the storages of computed values.
  { room: 'graph', imports: ['kernel'] },
  // What each method of a tensor is composed of, as nodes; mixed precision.
  { room: 'ops', imports: ['kernel', 'graph'] },
  // Functions of one output element, from their text to nodes.
  { room: 'custom-kernel', imports: ['kernel', 'graph', 'ops'] },
  // The methods of a tensor by theme, each one line over `ops`.
  { room: 'methods', imports: ['kernel', 'graph', 'ops'] },
  // The generator of random numbers: seeds, steps and sites.
  { room: 'random', imports: ['kernel', 'graph'] },
  // From nodes to fused kernels, and from kernels to a plan of memory.
  { room: 'schedule', imports: ['kernel', 'graph'] },
  // What backends share in turning kernels into code. It does not know the graph.
  { room: 'codegen', imports: ['kernel'] },
  // Backends: code for kernels, memory, execution. They do not know the graph, nor each other; files of backends/ itself are shared.
  { room: 'backends', imports: ['kernel', 'codegen', 'random/threefry'] },
  // The oracle evaluates graphs by itself, without schedule and plan: it is what all else is tested against.
  { room: 'backends/reference', imports: ['kernel', 'codegen', 'random/threefry', 'graph', 'backends/[^/]+\\.ts'] },
  // Computing values: graphs go through schedule and plan to whatever backend is open; recording, and the scopes of `tidy`.
  { room: 'runtime', imports: ['kernel', 'graph', 'schedule'] },
  // Tensors as text, for people.
  { room: 'printing', imports: ['kernel', 'graph', 'runtime'] },
  // File formats.
  { room: 'io', imports: ['kernel'] },
];

const tensor = '^packages/tensor/src/';
const tests = '\\.(test|testing|bench)\\.ts$|/testing/';
/** A room's files, without those of the rooms of the table that are inside of it. */
const filesOf = (room) => {
  const inner = tensorRooms.flatMap(({ room: other }) => (other.startsWith(`${room}/`) ? [other] : []));
  return { path: `${tensor}${room}(/|\\.ts$)`, pathNot: inner.map((other) => `${tensor}${other}(/|\\.ts$)`) };
};

const roomsOfTensor = [
  ...tensorRooms.map(({ room, imports }) => {
    const from = filesOf(room);
    return {
      name: `tensor-${room.replace('/', '-')}`,
      comment: `packages/tensor/src/${room} may import only ${imports.join(', ') || 'itself'}: see the table of rooms.`,
      severity: 'error',
      from: { path: from.path, pathNot: [...from.pathNot, tests] },
      to: { path: tensor, pathNot: [room, ...imports].map((allowed) => `${tensor}${allowed}(/|\\.ts$|$)`) },
    };
  }),
  {
    name: 'tensor-room-without-a-rule',
    comment: 'A new room of packages/tensor/src needs a line in the table of rooms.',
    severity: 'error',
    from: { path: `${tensor}[^/]+/`, pathNot: [tests, ...tensorRooms.map(({ room }) => `${tensor}${room}(/|\\.ts$)`)] },
    to: {},
  },
  {
    name: 'tensor-backends-stand-alone',
    comment: 'A backend does not import another: what two of them need is shared in backends/, codegen/ or kernel/.',
    severity: 'error',
    // Exception: the polynomials of erf and sin are fitted for WebAssembly, and gpu.js evaluates the same ones.
    from: { path: `${tensor}backends/([^/]+)/`, pathNot: [tests, `${tensor}backends/gpujs/float-math\\.ts$`] },
    to: { path: `${tensor}backends/[^/]+/`, pathNot: `${tensor}backends/$1/` },
  },
];
// Within a package: each room may import those in the lines before its own; tests are free.
const rooms = {
  'packages/nn': [['module'], ['init'], ['tokens', 'vision'], ['layers'], ['losses', 'lora']],
  'packages/models': [
    ['tower'],
    ['blocks'],
    ['high-resolution', 'resnet', 'swin', 'vit', 'vq'],
    ['image-towers.ts'],
    ['clip'],
    ['multimodal'],
  ],
  'packages/data': [
    ['io'],
    ['arrow', 'tokenizer'],
    ['random.ts'],
    ['augment', 'order'],
    ['decode.ts'],
    ['loader'],
    ['write'],
    ['tools'],
  ],
  'packages/weights': [
    ['files'],
    ['safetensors', 'torch', 'onnx'],
    ['shards'],
    ['read-weight-file.ts'],
    ['formats', 'convert-tensors.ts', 'onnx-export'],
    ['adapt', 'adapters', 'load-and-save.ts'],
  ],
  'packages/serve': [['search', 'queue'], ['server']],
  'packages/mpi': [
    ['errors.ts', 'combine.ts'],
    ['checks.ts', 'transport.ts'],
    ['collectives.ts'],
    ['self.ts', 'threads', 'mpi'],
    ['start'],
  ],
  'packages/split': [['stream'], ['channel', 'identity.ts'], ['halves.ts']],
  'packages/cli': [['lib'], ['commands'], ['commands.ts']],
  // The page and the server know each other only through the interface in shared/.
  'packages/dashboard': [['shared'], ['metrics', 'page'], ['library'], ['server']],
  datasets: [
    ['builder.ts', 'hash.ts', 'problems.ts'],
    ['table.ts', 'prepare-image.ts', 'gray-images.ts'],
    ['source'],
    ['idx.ts'],
    ['cifar', 'class-images', 'emoji', 'fashion-mnist', 'folder', 'kmnist', 'mnist', 'photo-captions', 'scenes'],
    ['registry.ts'],
  ],
  'examples/browser': [['shared'], ['server', 'engine'], ['page']],
};

const roomsOneWay = Object.entries(rooms).flatMap(([folder, lines]) =>
  lines.flatMap((line, k) =>
    line.map((room) => {
      const others = [...line, ...lines.slice(k + 1).flat()].filter((other) => other !== room);
      return {
        name: `${folder.replace('packages/', '')}-${room}-imports-only-rooms-before-it`,
        comment: `${folder}/src/${room} may import only ${lines.slice(0, k).flat().join(', ') || 'no other room'}.`,
        severity: 'error',
        from: { path: `^${folder}/src/${room}(/|$)`, pathNot: '\\.test\\.ts$|/testing/' },
        to: { path: `^${folder}/src/(${others.join('|')})(/|$)` },
      };
    }),
  ),
);

/*
 * The rooms of packages/train/src, in the order in which they build on each other. The files in src itself (`train-model.ts`, `load-run.ts`,
 * ...) put a whole run together from them, and no room imports those files.
 */
const trainRooms = [
  // Optimizers and schedules, with their settings.
  { room: 'optim', imports: [] },
  // Compiled steps, the training loop, checkpoints and metrics.
  { room: 'loop', imports: ['optim'] },
  // Where runs are logged besides their own folder: TensorBoard, CSV.
  { room: 'loggers', imports: ['loop'] },
  // What a configuration can contain, and how it is put together.
  { room: 'config', imports: ['optim'] },
  // The page of a run.
  { room: 'report', imports: ['loop'] },
  // Mixup and CutMix: their settings, and batches that are mixed before the step.
  { room: 'mixup', imports: ['loop', 'config'] },
  // The README of a folder with a model.
  { room: 'model-card', imports: [] },
  // Results of evaluation: how each kind is computed, printed, stored and drawn.
  { room: 'evaluation', imports: ['loop', 'report'] },
  // What a model says of single images: reading them, the kinds of answers, and drawings of them.
  { room: 'predict', imports: ['report', 'evaluation'] },
  // The files of a run.
  { room: 'run-folder', imports: ['loop', 'config', 'report'] },
  // One folder for each task.
  {
    room: 'tasks',
    imports: ['optim', 'loop', 'config', 'mixup', 'report', 'evaluation', 'predict', 'run-folder'],
  },
  // What notebooks show: pictures, curves and attention maps.
  { room: 'display', imports: ['loop', 'report', 'evaluation', 'run-folder', 'tasks'] },
  // What of a task's model is trained: adapters, or all but frozen parts; and what is saved of it.
  { room: 'adapt', imports: ['config', 'run-folder', 'tasks'] },
  // Many runs with different settings: which, in what order, and their results. It does not train: it is given a function that does.
  { room: 'sweep', imports: ['loop', 'loggers', 'config', 'report', 'run-folder', 'tasks'] },
  // What a dry run measures, and what follows from it for the whole run.
  { room: 'dry-run', imports: ['optim', 'loop', 'config', 'evaluation', 'tasks'] },
  // The stages of a run: its checks, its data and model, what a step needs, its evaluations and its report.
  {
    room: 'run',
    imports: ['optim', 'loop', 'config', 'mixup', 'report', 'evaluation', 'run-folder', 'tasks', 'adapt', 'dry-run'],
  },
];

const train = '^packages/train/src/';
const roomsOfTrain = [
  ...trainRooms.map(({ room, imports }) => ({
    name: `train-${room}`,
    comment: `packages/train/src/${room} may import only ${imports.join(', ') || 'itself'}: see the table of rooms.`,
    severity: 'error',
    from: { path: `${train}${room}/`, pathNot: tests },
    to: { path: train, pathNot: [room, ...imports].map((allowed) => `${train}${allowed}/`) },
  })),
  {
    name: 'train-room-without-a-rule',
    comment: 'A new room of packages/train/src: add it to the table of rooms.',
    severity: 'error',
    from: { path: `${train}[^/]+/`, pathNot: [...trainRooms.map(({ room }) => `${train}${room}/`), tests] },
    to: { path: train },
  },
  {
    name: 'tasks-do-not-know-each-other',
    comment: 'What several tasks share is a file in tasks/ itself.',
    severity: 'error',
    from: { path: `${train}tasks/([^/]+)/`, pathNot: tests },
    to: { path: `${train}tasks/[^/]+/`, pathNot: `${train}tasks/$1/` },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...oneWay,
    ...onlyThese,
    ...throughThePublicFace,
    ...wasmOneWay,
    ...roomsOfTensor,
    ...roomsOfTrain,
    ...roomsOneWay,
    {
      name: 'check-cases-are-not-part-of-a-package',
      comment: 'Check cases are loaded through the subpath "cases" alone: users of the package must not load them.',
      severity: 'error',
      from: { path: '^packages/(nn|models)/src/index\\.ts$' },
      to: { path: '\\.case\\.ts$|/src/cases/', reachable: true },
    },
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
    exclude: { path: '^(packages/[^/]+|datasets|scripts|site|examples/[^/]+)/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['tessera-source', 'node', 'import', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
