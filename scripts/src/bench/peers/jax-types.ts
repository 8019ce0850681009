/** The types of the part of jax-js that the benchmark uses. */

/** An array. A function consumes the arrays that are passed to it; `ref` creates another reference. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(axis?: number, options?: { keepdims?: boolean }): JaxArray;
  transpose(permutation?: number[]): JaxArray;
  reshape(shape: number[]): JaxArray;
  /** Slicing as in Python: a number selects an index and removes the axis, a pair selects a range, [] everything. */
  slice(...index: (number | [] | [number, number])[]): JaxArray;
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** Arrays, and nested lists and objects of them. */
type JaxTree = JaxArray | JaxTree[] | { [name: string]: JaxTree };

type Unary = (x: JaxArray) => JaxArray;
type Binary = (x: JaxArray | number, y: JaxArray | number) => JaxArray;

export interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): void;
  jit<Inputs extends JaxTree[], Output extends JaxTree>(
    fn: (...inputs: Inputs) => Output,
  ): ((...inputs: Inputs) => Output) & { dispose(): void };
  vjp<Inputs extends JaxArray[]>(
    fn: (...inputs: Inputs) => JaxArray,
    inputs: Inputs,
  ): [JaxArray, ((gradient: JaxArray) => JaxArray[]) & { dispose(): void }];
  valueAndGrad<Parameters extends JaxTree, Rest extends JaxTree[]>(
    fn: (parameters: Parameters, ...rest: Rest) => JaxArray,
  ): (parameters: Parameters, ...rest: Rest) => [JaxArray, Parameters];
  blockUntilReady(tree: JaxTree): Promise<unknown>;
  readonly numpy: {
    array(values: Float32Array | Int32Array | number, options?: { shape?: number[] }): JaxArray;
    zeros(shape: number[]): JaxArray;
    eye(size: number): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    concatenate(parts: JaxArray[], axis: number): JaxArray;
    broadcastTo(x: JaxArray, shape: number[]): JaxArray;
    readonly exp: Unary;
    readonly sqrt: Unary;
    readonly square: Unary;
    readonly minimum: Binary;
    readonly maximum: Binary;
  };
  readonly nn: {
    /** Query, key and value [N, L, H, D]. */
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { isCausal: boolean }): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    sigmoid: Unary;
    oneHot(x: JaxArray, classes: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(x: JaxArray, weight: JaxArray, strides: number[], padding: [number, number][]): JaxArray;
  };
  readonly tree: { ref<Tree extends JaxTree>(tree: Tree): Tree; dispose(tree: JaxTree): void };
}
