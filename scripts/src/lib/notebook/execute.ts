/** Executes the cells of a notebook in Deno's Jupyter kernel. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from '../runtimes/find.ts';
import { type Cell, kindsOf, type Notebook, type Output, textOf } from './ipynb.ts';
import { Kernel } from './kernel.ts';

/**
 * Deno's kernel can publish a result after it has said that the cell has ended. So outputs are waited for at the end: a short time in any
 * case, and longer where a cell has fewer than it had when it was saved.
 */
const [lateMs, longestMs] = [500, 20_000];

export interface Execution {
  /** The notebook with the new outputs. */
  readonly notebook: Notebook;
  /** The first error; the cells after it were not executed. */
  readonly failure: string | null;
}

/** Executes the code cells in order, in a new kernel that works in the notebook's folder, until one of them fails. */
export async function executeNotebook(path: string, notebook: Notebook, deno: Runtime): Promise<Execution> {
  const kernel = await Kernel.start({
    path: deno.path,
    arguments: ['jupyter', '--kernel', '--conn', '{connection_file}'],
    folder: dirname(path),
  });
  try {
    const cells: Cell[] = [];
    let failure: string | null = null;
    for (const [k, cell] of notebook.cells.entries()) {
      if (cell.cell_type !== 'code' || failure !== null) {
        cells.push(cell);
        continue;
      }
      const { outputs, count } = await kernel.execute(textOf(cell.source));
      cells.push({ ...cell, execution_count: count, outputs });
      failure = failureOf(outputs, k);
    }
    if (failure === null) await lateOutputs(notebook.cells, cells);
    return { notebook: { ...notebook, cells }, failure };
  } finally {
    await kernel.stop();
  }
}

async function lateOutputs(saved: readonly Cell[], executed: readonly Cell[]): Promise<void> {
  const count = (cell: Cell | undefined): number => kindsOf(cell?.outputs ?? []).length;
  const isMissing = (): boolean => saved.some((cell, k) => count(executed[k]) < count(cell));
  await sleep(lateMs);
  for (const end = performance.now() + longestMs; isMissing() && performance.now() < end; ) await sleep(100);
}

function failureOf(outputs: readonly Output[], cell: number): string | null {
  const error = outputs.find((output) => output.output_type === 'error');
  return error === undefined ? null : `cell ${cell}: ${error.ename}: ${error.evalue}\n${error.traceback.join('\n')}`;
}

/** Where the kinds of outputs of two notebooks with the same cells differ. Numbers and pictures may differ. */
export function differencesOf(saved: Notebook, executed: Notebook): string[] {
  return saved.cells.flatMap((cell, k) => {
    const [before, now] = [cell, executed.cells[k]].map((each) => kindsOf(each?.outputs ?? []).join(', '));
    return before === now ? [] : [`cell ${k}: saved with ${before || 'no output'}, now ${now || 'no output'}`];
  });
}
