/** The process of a peer, and the protocol with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type PreparedWork, UnsupportedWork } from '../engine.ts';
import type { LoaderWork, Work } from '../work.ts';

/** Requests to a peer. Each is a line of JSON and is answered by a line of JSON, in order. */
export type PeerRequest<W = Work> =
  | { readonly do: 'hello' }
  | { readonly do: 'peak' }
  | { readonly do: 'cpu' }
  | { readonly do: 'prepare'; readonly slot: number; readonly library: string; readonly work: W }
  | { readonly do: 'measure'; readonly slot: number; readonly runs: number }
  | { readonly do: 'release'; readonly slot: number };

type Answer = Readonly<Record<string, unknown>> & { readonly error?: string; readonly unsupported?: string };

const keptErrorLines = 12;

/** A library in a separate process, so that it has its own threads, memory and engine flags. The process runs until `close`. */
export class PeerProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  readonly #errors: string[] = [];
  #failure: Error | null = null;
  /** The number of prepared works. Each has a number in the protocol. */
  #slots = 0;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#name = name;
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error(`${name}: no pipes`);
    createInterface({ input: stdout }).on('line', (line) => this.#take(line));
    createInterface({ input: stderr }).on('line', (line) => {
      this.#errors.push(line);
      if (this.#errors.length > keptErrorLines) this.#errors.shift();
    });
    stdin.on('error', () => undefined); // the process has ended; `close` below reports why
    this.#child.on('error', (error) => this.#fail(new Error(`${name}: ${error.message}`)));
    this.#child.on('close', (code, signal) => {
      const said = this.#errors.length > 0 ? `\n  ${this.#errors.join('\n  ')}` : '';
      this.#fail(new Error(`${name}: ended with ${signal ?? `code ${code}`}${said}`));
    });
  }

  #take(line: string): void {
    const waiting = this.#waiting.shift();
    try {
      waiting?.resolve(JSON.parse(line) as Answer);
    } catch {
      waiting?.reject(new Error(`${this.#name}: answered ${JSON.stringify(line.slice(0, 200))}, which is not JSON`));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  /** Sends a request. @throws UnsupportedWork; Error with the peer's message, or if the process has ended */
  async ask(request: PeerRequest<Work | LoaderWork>): Promise<Answer> {
    if (this.#failure !== null) throw this.#failure;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.unsupported !== undefined) throw new UnsupportedWork(answer.unsupported);
    if (answer.error !== undefined) throw new Error(`${this.#name}: ${answer.error}`);
    return answer;
  }

  /** Prepares a work. @throws like `ask` */
  async prepare(library: string, work: Work | LoaderWork): Promise<PreparedWork> {
    const slot = this.#slots++;
    const { check } = await this.ask({ do: 'prepare', slot, library, work });
    return {
      check: check as number[],
      measure: async (runs) => (await this.ask({ do: 'measure', slot, runs })).times as number[],
      release: async () => {
        await this.ask({ do: 'release', slot });
      },
    };
  }

  /** The largest resident size of the process so far, in bytes. */
  async peakMemory(): Promise<number> {
    return (await this.ask({ do: 'peak' })).bytes as number;
  }

  /** The CPU time that the process and its workers have used so far, in ms; null where the system does not tell. */
  async cpuTime(): Promise<number | null> {
    return (await this.ask({ do: 'cpu' })).ms as number | null;
  }

  /** Ends the process, which stops when its input ends. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await closed;
    clearTimeout(timer);
  }
}
