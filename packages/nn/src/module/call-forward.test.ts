/** Errors inside of `forward` say in which module they came up, and which line of the user called it. */
import { type Tensor, zeros } from '@tessera/tensor';
import { describe, expect, test } from 'vitest';
import { Linear } from '../layers/linear.ts';
import { Sequential } from '../layers/sequential.ts';
import { Module } from './module.ts';

const messageOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    expect((error as Error).stack).toContain((error as Error).message);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

class Encoder extends Module {
  readonly layers = [new Sequential(new Linear(4, 4), new Linear(4, 3))];
  readonly head = new Linear(5, 2);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.layers.reduce((y, layer) => layer.forward(y), x));
  }
}

class Model extends Module {
  readonly encoder = new Encoder();

  forward(x: Tensor): Tensor {
    return this.encoder.forward(x);
  }
}

describe('the message', () => {
  test('names the path of the module, also before any name was asked for', () => {
    const model = new Model();
    const message = messageOf(() => model.forward(zeros([2, 4])));
    expect(message).toMatch(
      /^linear: input \[2, 3\] does not fit weight \[2, 5\].* \(in model\.encoder\.head; called from .*call-forward\.test\.ts:\d+:\d+\)$/,
    );
    expect(messageOf(() => model.forward(zeros([2, 7])))).toMatch(/\(in model\.encoder\.layers\.0\.0; called from /);
  });

  test("gives the user's line next to the module", () => {
    const line = Number(/:(\d+):\d+\)?$/m.exec(new Error('here').stack ?? '')?.[1]);
    const message = messageOf(() => new Linear(5, 2).forward(zeros([2, 3])));
    expect(message).toMatch(new RegExp(`\\(in Linear; called from .*call-forward\\.test\\.ts:${line + 1}:`));
  });

  test('is extended once, and a second call starts afresh', () => {
    const model = new Model();
    const messages = [1, 2].map(() => messageOf(() => model.forward(zeros([2, 7]))));
    expect(messages[0]?.match(/called from/g)).toHaveLength(1);
    expect(messages[0]).toBe(messages[1]);
  });

  test('names a module that does not belong to the model', () => {
    class Strange extends Module {
      forward(x: Tensor): Tensor {
        return new Linear(5, 2).forward(x);
      }
    }
    expect(messageOf(() => new Strange().forward(zeros([2, 3])))).toContain('(in Linear in Strange; called from ');
  });

  test('an error that was caught inside leaves no trace in the next one', () => {
    class Tolerant extends Module {
      readonly first = new Linear(5, 2);
      readonly second = new Linear(6, 2);

      forward(x: Tensor): Tensor {
        try {
          return this.first.forward(x);
        } catch {
          return this.second.forward(x);
        }
      }
    }
    expect(messageOf(() => new Tolerant().forward(zeros([2, 3])))).toContain('(in model.second; called from ');
  });
});
