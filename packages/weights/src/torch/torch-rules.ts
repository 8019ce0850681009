/** The classes and functions that PyTorch's files may refer to. */
import type { PickleRules } from '@tessera/data/pickle';
import { describeValue, Global, InertObject, type PickleValue, Tuple } from '@tessera/data/pickle';
import { type StorageDType, StorageReference, TensorReference } from './references.ts';

const storageDTypes: Readonly<Record<string, StorageDType>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

type Call = (args: readonly PickleValue[]) => PickleValue;

const first: Call = ([value]) => {
  if (value === undefined) throw new Error('needs an argument');
  return value;
};

function none<T extends PickleValue>(make: () => T): Call {
  return (args) => {
    if (args.length > 0) throw new Error(`takes no arguments here, got ${args.length}`);
    return make();
  };
}

const maximumAxes = 64;

const isSize = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function sizes(value: PickleValue | undefined, what: string): readonly number[] {
  const items = value instanceof Tuple ? value.items : Array.isArray(value) ? value : null;
  if (items === null || items.length > maximumAxes || !items.every(isSize))
    throw new Error(`needs ${what} as a tuple of at most ${maximumAxes} sizes`);
  return items;
}

/** Arguments: storage, offset, size, strides, then values about gradients, which are ignored. */
const rebuildTensor: Call = ([storage, offset, shape, strides]) => {
  if (!(storage instanceof StorageReference)) throw new Error('needs a storage');
  if (!isSize(offset)) throw new Error('needs an offset');
  const tensor = new TensorReference(storage, offset, sizes(shape, 'the shape'), sizes(strides, 'the strides'));
  if (tensor.shape.length !== tensor.strides.length) throw new Error('has a shape and strides of different lengths');
  return tensor;
};

const rebuildParameter: Call = (args) => {
  const data = first(args);
  if (!(data instanceof TensorReference)) throw new Error(`needs a tensor, got ${describeValue(data)}`);
  return data;
};

/** An instance of a class whose values are not read: settings and measures in a training checkpoint. */
const inert =
  (name: string): Call =>
  () =>
    new InertObject(name);

/** Arguments: function, class, the arguments of the function, attributes, which are ignored. */
const rebuildFromType: Call = ([rebuild, type, args]) => {
  const known = type instanceof Global && tensorClasses.has(type.name);
  if (!(rebuild instanceof Global) || calls[rebuild.name] !== rebuildTensor || !known || !(args instanceof Tuple))
    throw new Error('needs a function that creates a tensor, and a class of tensors');
  return rebuildTensor(args.items);
};

/** Classes of tensors without values of their own. */
const tensorClasses: ReadonlySet<string> = new Set(['torch.Tensor', 'torch.nn.parameter.Parameter']);

/** All classes and functions that a file may call, with replacements that only build data. */
const calls: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': none(() => new Map()),
  'argparse.Namespace': none(() => new InertObject('argparse.Namespace')),
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch._utils._rebuild_parameter_with_state': rebuildParameter,
  'torch.Size': first,
  'torch.device': ([kind = null]) => kind,
  'torch.jit._pickle.build_intlist': first,
  'torch.jit._pickle.build_doublelist': first,
  'torch.jit._pickle.build_boollist': first,
  'torch.jit._pickle.build_tensorlist': first,
  'torch.jit._pickle.restore_type_tag': first,
  'torch._tensor._rebuild_from_type_v2': rebuildFromType,
  'collections.defaultdict': () => new Map(),
  'collections.Counter': () => new Map(),
  // Numbers and lists of NumPy, such as the best accuracy. In NumPy 2 the module has another name.
  ...Object.fromEntries(
    ['numpy.core.multiarray', 'numpy._core.multiarray'].flatMap((module) => [
      [`${module}.scalar`, inert('a NumPy number')],
      [`${module}._reconstruct`, inert('a NumPy array')],
    ]),
  ),
  'numpy.dtype': inert('numpy.dtype'),
  '_codecs.encode': inert('bytes'),
  'pathlib.Path': inert('pathlib.Path'),
  'pathlib.PosixPath': inert('pathlib.Path'),
  'pathlib.WindowsPath': inert('pathlib.Path'),
  'datetime.datetime': inert('datetime.datetime'),
  'datetime.timedelta': inert('datetime.timedelta'),
  // The hyperparameters of Lightning's checkpoints.
  'pytorch_lightning.utilities.parsing.AttributeDict': () => new Map(),
  'lightning_fabric.utilities.data.AttributeDict': () => new Map(),
  'lightning.fabric.utilities.data.AttributeDict': () => new Map(),
};

/** Types that a checkpoint's settings may refer to. */
const constants =
  /^(?:torch\.(?:float|double|half|bfloat|int|uint|long|short|bool)\d*|numpy\.(?:ndarray|float64|float32|int64)|__builtin__\.(?:int|float|list|dict|object)|builtins\.(?:int|float|list|dict|object))$/;

/** The classes of a TorchScript archive. Their attributes are read, their code is not. */
const scriptClass = /^__torch__\.[\w.]+$/;

/** Rules whose references to other places of the file are storages. */
export interface TorchRules extends PickleRules {
  persistent(id: PickleValue): StorageReference;
}

/** The rules for files of tensors: `torch.save` of a state_dict or checkpoint, and TorchScript archives. */
export const torchRules: TorchRules = {
  global(name) {
    if (Object.hasOwn(calls, name) || Object.hasOwn(storageDTypes, name)) return new Global(name);
    if (constants.test(name) || tensorClasses.has(name) || scriptClass.test(name)) return new Global(name);
    throw new Error(
      `refers to ${JSON.stringify(name)}, which a file of tensors does not need: rejected, because no code from a file is run. ` +
        'If a whole model was saved, save its weights with torch.save(model.state_dict(), ...)',
    );
  },
  call({ name }, args) {
    if (scriptClass.test(name)) return new InertObject(name);
    const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (call === undefined) throw new Error(`calls ${name}, which is not a function`);
    try {
      return call(args);
    } catch (cause) {
      throw new Error(`calls ${name}, which ${(cause as Error).message}`, { cause });
    }
  },
  persistent(id) {
    const [kind, type, key, , length] = id instanceof Tuple ? id.items : [];
    const dtype = type instanceof Global ? storageDTypes[type.name] : undefined;
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(length))
      throw new Error('has a persistent id that is not a storage with type, key and length');
    return new StorageReference(key, dtype, length);
  },
};
