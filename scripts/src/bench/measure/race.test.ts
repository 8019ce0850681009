// Races.
import { describe, expect, test } from 'vitest';
import { type Contestant, race } from './race.ts';

/** Pretends that each run took `ms`, and logs its turns. */
function pretender(name: string, ms: number, log: string[] = []): Contestant & { calls: number[] } {
  const calls: number[] = [];
  return {
    calls,
    measure: async (runs) => {
      calls.push(runs);
      log.push(name);
      return new Array<number>(runs).fill(ms);
    },
  };
}

describe('a race', () => {
  test('has one turn per contestant and round', async () => {
    const log: string[] = [];
    const contestants = [pretender('a', 100, log), pretender('b', 200, log)];
    const [a, b] = await race(contestants, { rounds: 4, turnMs: 1, warmUpMs: 1 });
    expect(log.slice(-8)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
    expect(a?.rounds).toEqual([100, 100, 100, 100]);
    expect(b?.rounds).toEqual([200, 200, 200, 200]);
  });

  test('warms up for the requested time, and for at least three runs', async () => {
    const [fast, slow] = [pretender('fast', 1), pretender('slow', 150)];
    await race([fast, slow], { rounds: 1, turnMs: 1, warmUpMs: 200 });
    const warmUp = ({ calls }: { calls: number[] }): number => calls.slice(0, -1).reduce((sum, runs) => sum + runs, 0);
    expect(warmUp(fast)).toBe(200);
    expect(warmUp(slow)).toBe(3);
  });

  test('repeats fast work within a turn', async () => {
    const quick = pretender('quick', 2);
    const [times] = await race([quick], { rounds: 3, turnMs: 40, warmUpMs: 1 });
    expect(quick.calls.slice(-3)).toEqual([20, 20, 20]);
    expect(times?.times).toHaveLength(60);
  });

  test('stops a contestant that has used its budget, and no other', async () => {
    const options = { rounds: 10, turnMs: 1, warmUpMs: 1, budgetMs: 2000 };
    const [quick, slow] = await race([pretender('quick', 10), pretender('slow', 300)], options);
    expect(quick?.rounds).toHaveLength(10);
    // After three runs of warm-up, 1,100 ms are left: four turns.
    expect(slow?.rounds).toHaveLength(4);
  });

  test('uses the warm-up run of a contestant that needs the whole budget for it', async () => {
    const snail = pretender('snail', 5000);
    const [times] = await race([snail], { rounds: 10, budgetMs: 2000 });
    expect(times).toEqual({ times: [5000], rounds: [5000] });
    expect(snail.calls).toEqual([1]);
  });
});
