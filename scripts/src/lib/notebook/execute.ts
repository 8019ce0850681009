/** Executes the cells of a notebook in Deno's Jupyter kernel. */
import { dirname } from 'node:path';
import type { Runtime } from '../runtimes/find.ts';
import { type Cell, kindsOf, type Notebook, type Output, textOf } from './ipynb.ts';
import { Kernel } from './kernel.ts';

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
    return { notebook: { ...notebook, cells }, failure };
  } finally {
    await kernel.stop();
  }
}

function failureOf(outputs: readonly Output[], cell: number): string | null {
  const error = outputs.find((output) => output.output_type === 'error');
  return error === undefined ? null : `cell ${cell}: ${error.ename}: ${error.evalue}\n${error.traceback.join('\n')}`;
}

/**
 * Where the kinds of outputs of two notebooks with the same cells differ. Numbers and pictures may differ. On a machine under load, Deno's
 * kernel does not always publish a result before it says that it is done, so a missing output is no difference.
 */
export function differencesOf(saved: Notebook, executed: Notebook): string[] {
  return saved.cells.flatMap((cell, k) => {
    const [before, now] = [cell, executed.cells[k]].map((each) => kindsOf(each?.outputs ?? []).join(', '));
    return before === now || now === '' ? [] : [`cell ${k}: saved with ${before || 'no output'}, now ${now}`];
  });
}
