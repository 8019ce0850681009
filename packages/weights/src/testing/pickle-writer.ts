/** Parts of a pickle of protocol 2 for tests. The name of a part says what it leaves on the stack. */
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};

export const pickle = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat([bytes(0x80, 2), ...parts, bytes(0x2e)]));

export const text = (value: string): Buffer =>
  Buffer.concat([bytes(0x58), u32(Buffer.byteLength(value)), Buffer.from(value)]);
export const whole = (value: number): Buffer =>
  Buffer.concat([bytes(0x8a, 8), Buffer.from(new BigInt64Array([BigInt(value)]).buffer)]);
export const none = bytes(0x4e);
const no = bytes(0x89);
export const emptyDict = bytes(0x7d);
export const setItem = bytes(0x73);
const reduce = bytes(0x52);
const mark = bytes(0x28);
export const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
export const put = (index: number): Buffer => bytes(0x71, index);
export const get = (index: number): Buffer => bytes(0x68, index);
const tuple = (...items: Uint8Array[]): Buffer => Buffer.concat([mark, ...items, bytes(0x74)]);
export const call = (module: string, name: string, ...args: Uint8Array[]): Buffer =>
  Buffer.concat([global(module, name), tuple(...args), reduce]);

/** A dict of the pairs, in order. */
export const dict = (items: Readonly<Record<string, Uint8Array>>): Buffer =>
  Buffer.concat([emptyDict, ...Object.entries(items).flatMap(([key, value]) => [text(key), value, setItem])]);

export interface TensorFields {
  readonly key?: string;
  readonly type?: string;
  readonly length?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

/** A tensor as `torch.save` writes it; by default 4 numbers as [2, 2]. */
export function tensorOf(fields: TensorFields = {}): Buffer {
  const { key = '0', type = 'FloatStorage', length = 4, offset = 0, shape = [2, 2], strides = [2, 1] } = fields;
  const storage = tuple(text('storage'), global('torch', type), text(key), text('cpu'), whole(length));
  return call(
    'torch._utils',
    '_rebuild_tensor_v2',
    Buffer.concat([storage, bytes(0x51)]),
    whole(offset),
    tuple(...shape.map(whole)),
    tuple(...strides.map(whole)),
    no,
    call('collections', 'OrderedDict'),
  );
}
