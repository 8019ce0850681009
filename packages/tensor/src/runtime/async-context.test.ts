/** Context variables, in Node and as a browser has them. */
import { describe, expect, test } from 'vitest';
import { contextVariable, synchronousVariable } from './async-context.ts';

describe.each([
  ['as this engine has it', contextVariable<number>, true],
  ['without the engine', synchronousVariable<number>, false],
] as const)('a context variable, %s', (_, create, followsAwait) => {
  test('is visible to what a function calls, until it returns or throws', () => {
    const variable = create();
    const seen: (number | undefined)[] = [];
    variable.run(1, () => {
      seen.push(variable.get());
      variable.run(2, () => seen.push(variable.get()));
      expect(() =>
        variable.run(3, () => {
          throw new Error('lost');
        }),
      ).toThrow('lost');
      seen.push(variable.get());
    });
    expect([...seen, variable.get()]).toEqual([1, 2, 1, undefined]);
  });

  test('of two functions that wait for each other, neither sees the variable of the other', async () => {
    const variable = create();
    const body = async (): Promise<(number | undefined)[]> => {
      const before = variable.get();
      await Promise.resolve();
      return [before, variable.get()];
    };
    const both = Promise.all([variable.run(1, body), variable.run(2, body)]);
    expect(variable.get()).toBeUndefined();
    expect(await both).toEqual([
      [1, followsAwait ? 1 : undefined],
      [2, followsAwait ? 2 : undefined],
    ]);
  });
});
