/**
 * Traces a kernel function: runs it once, on values that represent all elements. Branches become selections, loops that sum become axes
 * and reductions, other loops are unrolled, and loads become views or gathers. The result is an ordinary graph, which is compiled,
 * fused and differentiated like any other.
 */

import type { AnyNode, AssignmentExpression, CallExpression, Expression, ForStatement, MemberExpression } from 'acorn';
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import type { DType } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import * as ops from '../ops/index.ts';
import { combine, contractTerms } from './accumulate.ts';
import { applyBinary, applyUnary, callMath, mathConstants, truth } from './arithmetic.ts';
import { describeArray, fail } from './errors.ts';
import { loadAt } from './load.ts';
import { type CountedLoop, countedLoop } from './loops.ts';
import { describeFunction, type ParsedFunction } from './parse.ts';
import { accumulationOf, isInstrumentation, isReduction } from './reductions.ts';
import {
  type Axis,
  addPlaces,
  andMask,
  floatOf,
  type Mask,
  nodeValue,
  notMask,
  operandOf,
  orMask,
  placeOf,
  type Value,
} from './values.ts';

interface Binding {
  value: Value | undefined;
  /** The lanes that ran, and the number of loops around it, where it was declared. */
  readonly mask: Mask;
  readonly depth: number;
}

/** What one call of a function has done so far. */
interface Frame {
  /** The lanes that made the call. */
  readonly entry: Mask;
  readonly scopes: Map<string, Binding>[];
  result: Value | undefined;
  /** Lanes that have stopped: they returned, or left the loop or its turn. */
  gone: Mask;
  returned: Mask;
  broken: Mask;
}

export interface TraceOptions {
  readonly parameters: ReadonlyMap<string, Value>;
  /** Sizes of thread.x, thread.y and thread.z. */
  readonly threads: readonly number[];
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly functions: ReadonlyMap<string, ParsedFunction>;
  /** The dtype of computed numbers. */
  readonly dtype: DType;
  /** The maximum number of turns of a loop whose end depends on data; null if such loops are not allowed. */
  readonly loopMaxIterations: number | null;
}

/** Loops with more turns are not unrolled. */
const longestUnrolled = 4096;

const axisNames = ['x', 'y', 'z'] as const;

/** Functions of Math that are infinite or NaN for some numbers, or whose derivatives are. */
const limitedFunctions: ReadonlySet<string> = new Set([
  'cosh',
  'exp',
  'expm1',
  'log',
  'log10',
  'log1p',
  'log2',
  'pow',
  'sinh',
  'sqrt',
  'tan',
]);

class Tracer {
  readonly #options: TraceOptions;
  readonly #threads: readonly Axis[];
  readonly #functions: Map<string, ParsedFunction>;
  #frame: Frame;
  #active: Mask = true;
  #loops: Axis[] = [];
  #calls = 0;

  constructor(options: TraceOptions) {
    this.#options = options;
    this.#threads = options.threads.map((size, position) => ({ size, position }));
    this.#functions = new Map(options.functions);
    this.#frame = this.#newFrame(options.parameters);
  }

  #newFrame(values: ReadonlyMap<string, Value>): Frame {
    const scope = new Map(
      [...values].map(([name, value]) => [name, { value, mask: this.#active, depth: this.#loops.length }] as const),
    );
    return { entry: this.#active, scopes: [scope], result: undefined, gone: false, returned: false, broken: false };
  }

  run(fn: ParsedFunction): Value {
    return this.#body(fn);
  }

  #body({ body }: ParsedFunction): Value {
    if (body.type !== 'BlockStatement') return this.#evaluate(body as Expression);
    this.#statements(body.body);
    return this.#frame.result ?? fail(body, 'the function returns nothing');
  }

  // Statements

  #statements(list: readonly AnyNode[]): void {
    // Functions can be called before they are declared.
    for (const statement of list)
      if (statement.type === 'FunctionDeclaration' && statement.id !== null)
        this.#functions.set(statement.id.name, describeFunction(statement));
    for (const statement of list) {
      if (this.#active === false) return;
      this.#statement(statement);
    }
  }

  #block(statement: AnyNode): void {
    this.#frame.scopes.push(new Map());
    this.#statements(statement.type === 'BlockStatement' ? statement.body : [statement]);
    this.#frame.scopes.pop();
  }

  #statement(statement: AnyNode): void {
    switch (statement.type) {
      case 'VariableDeclaration':
        for (const { id, init } of statement.declarations) {
          if (id.type !== 'Identifier') fail(id, 'variables must be plain names: patterns are not supported');
          else this.#declare(id.name, init === null || init === undefined ? undefined : this.#evaluate(init));
        }
        return;
      case 'ExpressionStatement':
        if (!isInstrumentation(statement.expression)) this.#evaluate(statement.expression);
        return;
      case 'ReturnStatement':
        this.#return(statement.argument ?? fail(statement, 'return needs a value'));
        return;
      case 'IfStatement':
        this.#branch(
          this.#truth(statement.test),
          () => this.#block(statement.consequent),
          () => {
            if (statement.alternate) this.#block(statement.alternate);
          },
        );
        return;
      case 'BlockStatement':
        this.#block(statement);
        return;
      case 'ForStatement':
        this.#for(statement);
        return;
      case 'WhileStatement':
        this.#unroll(statement, statement.test, null, statement.body, false);
        return;
      case 'DoWhileStatement':
        this.#unroll(statement, statement.test, null, statement.body, true);
        return;
      case 'BreakStatement':
        this.#frame.broken = orMask(this.#frame.broken, this.#active);
        this.#leave();
        return;
      case 'ContinueStatement':
        this.#leave();
        return;
      case 'EmptyStatement':
      case 'FunctionDeclaration':
        return;
      default:
        fail(statement, `${statement.type} is not supported in a kernel`);
    }
  }

  /** Stops the lanes that run now, until the end of the block, loop or function that they leave. */
  #leave(): void {
    this.#frame.gone = orMask(this.#frame.gone, this.#active);
    this.#active = false;
  }

  #return(argument: Expression): void {
    const frame = this.#frame;
    const value = this.#evaluate(argument);
    // Lanes that never reach a return get 0, as in gpu.js.
    const first = frame.result === undefined && this.#active === frame.entry;
    frame.result = first ? value : this.#select(this.#active, value, frame.result ?? 0);
    frame.returned = orMask(frame.returned, this.#active);
    this.#leave();
  }

  #branch(condition: Mask, yes: () => void, no: () => void): void {
    if (typeof condition === 'boolean') {
      if (condition) yes();
      else no();
      return;
    }
    const { gone } = this.#frame;
    const before = this.#active;
    this.#active = andMask(before, condition);
    yes();
    this.#active = andMask(before, notMask(condition));
    no();
    // The lanes of both branches continue, except those that left.
    this.#active = this.#frame.gone === gone ? before : andMask(before, notMask(this.#frame.gone));
  }

  #for(loop: ForStatement): void {
    this.#frame.scopes.push(new Map());
    if (loop.init?.type === 'VariableDeclaration') this.#statement(loop.init);
    else if (loop.init) this.#evaluate(loop.init);
    const counted = countedLoop(
      loop,
      (name) => this.#find(name)?.value,
      (expression) => this.#evaluate(expression),
    );
    const outer = (name: string): boolean => this.#find(name) !== undefined;
    if (counted !== null && isReduction(loop.body, counted.variable, outer)) this.#alongAxis(loop, counted);
    else this.#unroll(loop, loop.test ?? null, loop.update ?? null, loop.body, false);
    this.#frame.scopes.pop();
  }

  /** Runs all turns at once, along a new axis. */
  #alongAxis({ body }: ForStatement, { variable, start, step, turns, test, exact }: CountedLoop): void {
    if (turns === 0) return;
    const axis: Axis = { position: this.#threads.length + this.#loops.length, size: turns };
    const before = this.#active;
    const { scopes } = this.#frame;
    this.#loops.push(axis);
    const index = addPlaces({ ...placeOf(axis), terms: new Map([[axis, step]]) }, start);
    scopes.push(new Map([[variable, { value: index, mask: before, depth: this.#loops.length }]]));
    if (!exact) this.#active = andMask(before, this.#truth(test));
    this.#block(body);
    scopes.pop();
    this.#loops.pop();
    this.#active = before;
  }

  /** Runs turn after turn. Where the condition depends on data, all lanes take part in the longest run; lanes that have stopped do not change. */
  #unroll(loop: AnyNode, test: Expression | null, update: Expression | null, body: AnyNode, testLast: boolean): void {
    const frame = this.#frame;
    const entry = this.#active;
    const outer = { gone: frame.gone, broken: frame.broken, returned: frame.returned };
    const { loopMaxIterations } = this.#options;
    frame.broken = false;
    let running = entry;
    for (let turn = 0; ; turn++) {
      this.#active = running;
      const goes = test === null || (testLast && turn === 0) ? true : this.#truth(test);
      running = andMask(running, goes);
      if (running === false) break;
      const known = typeof goes === 'boolean';
      if (!known && loopMaxIterations === null)
        fail(loop, 'how often this loop runs depends on data: set loopMaxIterations to a number that it never exceeds');
      // Lanes that leave by a break, or whose condition depends on data, have stopped after this many turns.
      const most = known && running === entry ? longestUnrolled : (loopMaxIterations ?? longestUnrolled);
      if (turn >= most) {
        if (running !== entry && loopMaxIterations !== null) break;
        fail(
          loop,
          `the loop runs more than ${longestUnrolled} times and would be unrolled, because it is not a sum, maximum or minimum`,
        );
      }
      this.#active = running;
      frame.gone = outer.gone;
      const before: { readonly broken: Mask; readonly returned: Mask } = {
        broken: frame.broken,
        returned: frame.returned,
      };
      this.#block(body);
      if (frame.broken !== before.broken) running = andMask(running, notMask(frame.broken));
      if (frame.returned !== before.returned) running = andMask(running, notMask(frame.returned));
      if (running === false) break;
      // The loop's own variable is updated in all lanes: those that have stopped do not read it.
      this.#active = entry;
      if (update !== null) this.#evaluate(update);
    }
    frame.broken = outer.broken;
    frame.gone = frame.returned === outer.returned ? outer.gone : orMask(outer.gone, frame.returned);
    this.#active = frame.returned === outer.returned ? entry : andMask(entry, notMask(frame.returned));
  }

  // Variables

  #declare(name: string, value: Value | undefined): void {
    this.#frame.scopes.at(-1)?.set(name, { value, mask: this.#active, depth: this.#loops.length });
  }

  #find(name: string): Binding | undefined {
    return this.#frame.scopes.findLast((scope) => scope.has(name))?.get(name);
  }

  #variable(name: string, at: AnyNode): Binding {
    const binding = this.#find(name);
    if (binding !== undefined) return binding;
    return fail(
      at,
      `'${name}' is neither an argument nor a variable of the function; pass numbers from outside as constants ({ constants: { ${name} } }, read as this.constants.${name})`,
    );
  }

  #assign(expression: AssignmentExpression): Value {
    const { left, operator, right } = expression;
    if (left.type !== 'Identifier') return fail(left, 'only variables can be assigned: arrays are read-only');
    const binding = this.#variable(left.name, left);
    if (binding.depth < this.#loops.length) return this.#accumulate(expression, binding);
    const given = this.#evaluate(right);
    const value =
      operator === '=' ? given : this.#binary(operator.slice(0, -1), this.#defined(left.name, left), given, expression);
    binding.value = binding.mask === this.#active ? value : this.#select(this.#active, value, binding.value ?? 0);
    return binding.value;
  }

  /** A step of a sum (maximum, minimum) inside of loops that became axes: the sum over these axes. */
  #accumulate(expression: AssignmentExpression, binding: Binding): Value {
    const step = accumulationOf(expression);
    if (step === null) return fail(expression, 'this assignment is not a step of a sum, maximum or minimum');
    const axes = this.#loops.slice(binding.depth);
    const rank = this.#threads.length + binding.depth;
    const { kind, term, negative } = step;
    const { dtype } = this.#options;
    let total: Node | null = null;
    if (kind === 'sum' && this.#active === true && term.type === 'BinaryExpression' && term.operator === '*') {
      const [a, b] = [this.#operand(term.left as Expression), this.#operand(term.right)];
      total =
        contractTerms(floatOf(a, dtype), floatOf(b, dtype), axes, rank) ??
        combine('sum', ops.mul(floatOf(a, dtype), b), true, axes, rank, dtype);
    }
    total ??= combine(kind, this.#operand(term), this.#active, axes, rank, dtype);
    const old = this.#defined(step.variable, expression);
    if (kind === 'sum') binding.value = this.#binary(negative ? '-' : '+', old, nodeValue(total), expression);
    else binding.value = callMath(kind, [old, nodeValue(total)], dtype) ?? old;
    return binding.value;
  }

  #defined(name: string, at: AnyNode): Value {
    return this.#variable(name, at).value ?? fail(at, `'${name}' is read before it has a value`);
  }

  #select(mask: Mask, yes: Value, no: Value): Value {
    if (mask === true) return yes;
    if (mask === false) return no;
    const [a, b] = [operandOf(yes), operandOf(no)];
    if (a === null || b === null) throw new TypeError('an array cannot be chosen by a condition: index it first');
    const { dtype } = this.#options;
    const whole = [a, b].every((x) => typeof x !== 'number' && x.dtype === 'i32');
    return nodeValue(whole ? ops.where(mask, a, b) : ops.where(mask, floatOf(a, dtype), floatOf(b, dtype)));
  }

  // Expressions

  #operand(expression: Expression): Node | number {
    const value = this.#evaluate(expression);
    return operandOf(value) ?? fail(expression, describeArray(value));
  }

  #truth(expression: Expression): Mask {
    const value = this.#evaluate(expression);
    if (typeof value === 'object' && value.kind === 'array') return fail(expression, describeArray(value));
    return truth(value);
  }

  #binary(operator: string, a: Value, b: Value, at: AnyNode): Value {
    for (const value of [a, b]) if (typeof value === 'object' && value.kind === 'array') fail(at, describeArray(value));
    const divisor = operator === '/' || operator === '%' ? this.#guarded(b) : b;
    const base = operator === '**' ? this.#guarded(a) : a;
    return (
      applyBinary(operator, base, divisor, this.#options.dtype) ?? fail(at, `the operator ${operator} is not supported`)
    );
  }

  /**
   * Replaces the value by 1 in the lanes that do not run. Both branches are computed for all lanes, and an unused value that is infinite
   * or NaN would reappear in gradients, as 0 times infinity.
   */
  #guarded(value: Value): Value {
    return typeof this.#active === 'boolean' || typeof value !== 'object' || value.kind === 'array'
      ? value
      : this.#select(this.#active, value, 1);
  }

  #evaluate(expression: Expression): Value {
    switch (expression.type) {
      case 'Literal':
        if (typeof expression.value === 'number' || typeof expression.value === 'boolean') return expression.value;
        return fail(expression, 'a kernel can contain only numbers and booleans');
      case 'Identifier':
        return this.#identifier(expression.name, expression);
      case 'ParenthesizedExpression':
        return this.#evaluate(expression.expression);
      case 'UnaryExpression': {
        const value = this.#evaluate(expression.argument);
        if (typeof value === 'object' && value.kind === 'array') fail(expression, describeArray(value));
        return (
          applyUnary(expression.operator, value, this.#options.dtype) ??
          fail(expression, `the operator ${expression.operator} is not supported`)
        );
      }
      case 'BinaryExpression':
        return this.#binary(
          expression.operator,
          this.#evaluate(expression.left as Expression),
          this.#evaluate(expression.right),
          expression,
        );
      case 'LogicalExpression':
        return this.#logical(expression.operator, expression.left, expression.right);
      case 'ConditionalExpression': {
        const test = this.#truth(expression.test);
        let yes: Value = 0;
        let no: Value = 0;
        this.#branch(
          test,
          () => {
            yes = this.#evaluate(expression.consequent);
          },
          () => {
            no = this.#evaluate(expression.alternate);
          },
        );
        return this.#select(test, yes, no);
      }
      case 'SequenceExpression':
        return expression.expressions.map((part) => this.#evaluate(part)).at(-1) ?? 0;
      case 'AssignmentExpression':
        return this.#assign(expression);
      case 'UpdateExpression': {
        const { argument, operator, prefix } = expression;
        if (argument.type !== 'Identifier') return fail(argument, 'only variables can be counted up or down');
        const binding = this.#variable(argument.name, argument);
        if (binding.depth < this.#loops.length)
          fail(expression, 'a variable from outside of this loop cannot be counted in it');
        const old = this.#defined(argument.name, argument);
        const next = this.#binary(operator === '++' ? '+' : '-', old, 1, expression);
        binding.value = binding.mask === this.#active ? next : this.#select(this.#active, next, old);
        return prefix ? binding.value : old;
      }
      case 'MemberExpression':
        return this.#member(expression);
      case 'CallExpression':
        return this.#call(expression);
      default:
        return fail(expression, `${expression.type} is not supported in a kernel`);
    }
  }

  #logical(operator: string, left: Expression, right: Expression): Value {
    const first = this.#truth(left);
    if (operator !== '&&' && operator !== '||') return fail(left, `the operator ${operator} is not supported`);
    let second: Mask = operator === '||';
    const evaluate = (): void => {
      second = this.#truth(right);
    };
    // The right side runs only where the left one does not decide: it may contain an assignment.
    if (operator === '&&') this.#branch(first, evaluate, () => {});
    else this.#branch(first, () => {}, evaluate);
    const result = operator === '&&' ? andMask(first, second) : orMask(first, second);
    return typeof result === 'boolean' ? result : nodeValue(result);
  }

  #identifier(name: string, at: AnyNode): Value {
    if (this.#find(name) === undefined) {
      if (name === 'Infinity') return Number.POSITIVE_INFINITY;
      if (name === 'NaN') return Number.NaN;
    }
    const value = this.#defined(name, at);
    // A tensor of one element is a number.
    if (typeof value === 'object' && value.kind === 'array' && value.source.shape.length === 0)
      return nodeValue(this.#number(value.source));
    return value;
  }

  /** Floating point in the kernel's dtype, everything else as i32. */
  #number(node: Node): Node {
    const { dtype } = this.#options;
    const float = node.dtype !== 'i32' && node.dtype !== 'u8' && node.dtype !== 'bool';
    return graph.cast(node, float ? dtype : 'i32');
  }

  #member(expression: MemberExpression): Value {
    const { property, computed } = expression;
    if (!computed && property.type === 'Identifier') return this.#property(expression, property.name);
    const subscripts: Value[] = [];
    let base: AnyNode = expression;
    while (base.type === 'MemberExpression' && base.computed) {
      const value = this.#evaluate(base.property as Expression);
      if (typeof value === 'object' && value.kind === 'array') fail(base.property, describeArray(value));
      subscripts.unshift(value);
      base = base.object;
    }
    const array = base.type === 'Identifier' ? this.#defined(base.name, base) : this.#evaluate(base as Expression);
    if (typeof array !== 'object' || array.kind !== 'array')
      return fail(base, 'a number cannot be indexed: only arguments are arrays');
    const { source, name } = array;
    if (subscripts.length > Math.max(1, source.shape.length))
      fail(
        expression,
        `'${name}' has shape [${source.shape.join(', ')}] and cannot take ${subscripts.length} subscripts`,
      );
    return nodeValue(this.#number(loadAt(source, subscripts)));
  }

  #property(expression: MemberExpression, name: string): Value {
    const { object } = expression;
    if (object.type === 'Identifier' && object.name === 'Math')
      return mathConstants[name] ?? fail(expression, `Math.${name} is not supported in a kernel`);
    if (
      object.type === 'MemberExpression' &&
      object.object.type === 'ThisExpression' &&
      object.property.type === 'Identifier'
    ) {
      const { constants } = this.#options;
      const which = object.property.name;
      if (which === 'constants')
        return (
          constants[name] ??
          fail(
            expression,
            `unknown constant '${name}'; the constants are ${Object.keys(constants).join(', ') || 'none'}`,
          )
        );
      const axis = this.#threads[axisNames.indexOf(name as 'x')];
      if (which === 'thread') {
        if (axis === undefined)
          return fail(expression, `this.thread.${name}: the kernel has ${this.#threads.length} thread axes`);
        return axis.size === 1 ? 0 : placeOf(axis);
      }
      if (which === 'output') return axis?.size ?? 1;
    }
    return fail(
      expression,
      `'.${name}' is not supported here: a kernel knows this.thread, this.output, this.constants and Math`,
    );
  }

  #call(expression: CallExpression): Value {
    const { callee } = expression;
    const values = expression.arguments.map((argument) =>
      argument.type === 'SpreadElement'
        ? fail(argument, 'spread arguments are not supported')
        : this.#evaluate(argument),
    );
    if (callee.type === 'MemberExpression' && callee.object.type === 'Identifier' && callee.object.name === 'Math') {
      const name = callee.property.type === 'Identifier' ? callee.property.name : '';
      if (name === 'random')
        return fail(expression, 'Math.random is not supported: pass a tensor of random numbers (rand) as an argument');
      for (const [k, value] of values.entries())
        if (typeof value === 'object' && value.kind === 'array')
          fail(nth(expression.arguments, k), describeArray(value));
      const guarded = limitedFunctions.has(name) ? values.map((value) => this.#guarded(value)) : values;
      return (
        callMath(name, guarded, this.#options.dtype) ?? fail(expression, `Math.${name} is not supported in a kernel`)
      );
    }
    const fn = callee.type === 'Identifier' ? this.#functions.get(callee.name) : undefined;
    if (fn === undefined || callee.type !== 'Identifier')
      return fail(
        callee,
        'only functions of Math, functions declared inside of the kernel and those in `functions` can be called',
      );
    if (fn.parameters.length !== values.length)
      fail(expression, `${callee.name} takes ${fn.parameters.length} arguments, got ${values.length}`);
    const frame = this.#frame;
    const active = this.#active;
    if (this.#calls > 64) fail(expression, `${callee.name} calls itself: kernels cannot be recursive`);
    this.#calls++;
    this.#frame = this.#newFrame(new Map(fn.parameters.map((name, k) => [name, nth(values, k)])));
    const result = this.#body(fn);
    this.#frame = frame;
    this.#active = active;
    this.#calls--;
    return result;
  }
}

/** The function's value for every element, in a shape that broadcasts to [z, y, x]. */
export const traceKernel = (fn: ParsedFunction, options: TraceOptions): Value => new Tracer(options).run(fn);
