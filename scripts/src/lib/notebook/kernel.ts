/** A Jupyter kernel as a process, and its messages: https://jupyter-client.readthedocs.io/en/stable/messaging.html */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesOf, type Output, textOf } from './ipynb.ts';
import { ZmtpSocket } from './zmtp.ts';

const host = '127.0.0.1';
const delimiter = '<IDS|MSG>';
const channels = ['shell', 'iopub', 'stdin', 'control', 'hb'] as const;

interface Message {
  readonly type: string;
  /** The id of the request that it belongs to. */
  readonly parent: string | undefined;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().on('error', reject);
          server.listen(0, host, () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export interface KernelCommand {
  readonly path: string;
  /** The arguments; `{connection_file}` is replaced. */
  readonly arguments: readonly string[];
  readonly folder: string;
}

/** The time until the kernel accepts connections, and the longest time of a cell. */
const [startMs, cellMs] = [60_000, 600_000];
export class Kernel {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #key: string;
  readonly #session: string = randomUUID();
  #shell: ZmtpSocket | null = null;
  #iopub: ZmtpSocket | null = null;
  /** For each request its listener. It stays: a result can arrive after the kernel has said that it is idle. */
  readonly #listeners = new Map<string, (message: Message) => void>();
  #ended: Error | null = null;
  #onEnded: (error: Error) => void = () => undefined;
  #errors = '';

  private constructor(process: ChildProcess, folder: string, key: string) {
    this.#process = process;
    this.#folder = folder;
    this.#key = key;
  }

  /** Starts a kernel, and resolves when it answers. @throws where it does not start */
  static async start({ path, arguments: given, folder }: KernelCommand): Promise<Kernel> {
    const place = await fs.mkdtemp(join(tmpdir(), 'tessera-kernel-'));
    const file = join(place, 'connection.json');
    const key = randomUUID();
    const ports = await freePorts(channels.length);
    const named = Object.fromEntries(channels.map((channel, k) => [`${channel}_port`, ports[k] ?? 0]));
    await fs.writeFile(
      file,
      JSON.stringify({
        transport: 'tcp',
        ip: host,
        key,
        signature_scheme: 'hmac-sha256',
        kernel_name: 'deno',
        ...named,
      }),
      { mode: 0o600 },
    );
    const child = spawn(
      path,
      given.map((argument) => argument.replace('{connection_file}', file)),
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } },
    );
    const kernel = new Kernel(child, place, key);
    child.stderr?.on('data', (bytes: Buffer) => {
      kernel.#errors = (kernel.#errors + bytes.toString()).slice(-4000);
    });
    child.on('error', (error) => kernel.#end(error));
    child.on('exit', (code, signal) =>
      kernel.#end(new Error(`the kernel ended with ${code ?? signal}: ${kernel.#errors}`)),
    );
    try {
      await kernel.#connect(named.shell_port ?? 0, named.iopub_port ?? 0);
      return kernel;
    } catch (error) {
      await kernel.stop();
      throw error;
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#onEnded(this.#ended);
  }

  /** The kernel listens some time after it has started. */
  async #connect(shell: number, iopub: number): Promise<void> {
    const receive = (parts: readonly Buffer[]): void => {
      const message = this.#parse(parts);
      this.#listeners.get(message.parent ?? '')?.(message);
    };
    const ended = (error: Error): void => this.#end(error);
    for (const end = performance.now() + startMs; ; await sleep(50)) {
      if (this.#ended !== null) throw this.#ended;
      try {
        this.#iopub ??= await ZmtpSocket.open('sub', { host, port: iopub }, receive, ended);
        this.#shell ??= await ZmtpSocket.open('dealer', { host, port: shell }, receive, ended);
        break;
      } catch (error) {
        if (performance.now() > end)
          throw new Error(`the kernel does not listen after ${startMs / 1000} s`, { cause: error });
      }
    }
    // What is published before the subscription has arrived is lost: ask until an answer is published.
    for (const end = performance.now() + startMs; performance.now() < end; ) {
      const answered = await Promise.race([
        this.#request('kernel_info_request', {}, () => undefined).then(() => true),
        sleep(1000, false),
      ]);
      if (answered) return;
    }
    throw new Error(`the kernel does not answer after ${startMs / 1000} s: ${this.#errors}`);
  }

  #sign(parts: readonly Buffer[]): Buffer {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(part);
    return Buffer.from(hmac.digest('hex'));
  }

  #parse(parts: readonly Buffer[]): Message {
    const start = parts.findIndex((part) => part.toString() === delimiter);
    const [signature, ...signed] = parts.slice(start + 1, start + 6);
    const [header, parent, , content] = signed.map((part) => JSON.parse(part.toString()) as Record<string, unknown>);
    if (start < 0 || signature === undefined || content === undefined || !this.#sign(signed).equals(signature))
      throw new Error("a kernel's message is not signed with its key");
    return { type: String(header?.msg_type), parent: parent?.msg_id as string | undefined, content };
  }

  /** Sends a request, and resolves when its reply has arrived and the kernel says that it is idle again. */
  #request(type: string, content: object, onMessage: (message: Message) => void): Promise<Message> {
    const id = randomUUID();
    const header = {
      msg_id: id,
      session: this.#session,
      username: 'tessera',
      date: new Date().toISOString(),
      msg_type: type,
      version: '5.3',
    };
    const parts = [header, {}, {}, content].map((part) => Buffer.from(JSON.stringify(part)));
    return new Promise((resolve, reject) => {
      let reply: Message | null = null;
      let isIdle = false;
      this.#onEnded = reject;
      if (this.#ended !== null) return reject(this.#ended);
      this.#listeners.set(id, (message) => {
        if (message.type === 'status') isIdle ||= message.content.execution_state === 'idle';
        else if (message.type.endsWith('_reply')) reply = message;
        else onMessage(message);
        if (isIdle && reply !== null) resolve(reply);
      });
      this.#shell?.send([Buffer.from(delimiter), this.#sign(parts), ...parts]);
    });
  }

  /**
   * Executes the code of a cell. Its outputs are in the order in which they were made; an error is one of them. Outputs that the kernel
   * publishes later are added to the same list.
   */
  async execute(code: string): Promise<{ outputs: Output[]; count: number }> {
    const outputs: Output[] = [];
    const timeout = new AbortController();
    const request = this.#request(
      'execute_request',
      { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true },
      (message) => addOutput(outputs, message),
    );
    const late = sleep(cellMs, null, { signal: timeout.signal }).catch(() => null);
    try {
      const reply = await Promise.race([request, late]);
      if (reply === null) throw new Error(`a cell has not ended after ${cellMs / 1000} s: ${code.slice(0, 200)}`);
      return { outputs, count: Number(reply.content.execution_count) };
    } finally {
      timeout.abort();
    }
  }

  async stop(): Promise<void> {
    this.#onEnded = () => undefined;
    this.#shell?.close();
    this.#iopub?.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid !== undefined) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGKILL');
      await ended;
    }
    await fs.rm(this.#folder, { recursive: true });
  }
}

/** Adds what a message shows. Text of one stream is one output. */
function addOutput(outputs: Output[], { type, content }: Message): void {
  const last = outputs.at(-1);
  switch (type) {
    case 'stream': {
      const [name, text] = [String(content.name), String(content.text)];
      if (last?.output_type === 'stream' && last.name === name) {
        outputs[outputs.length - 1] = { ...last, text: linesOf(textOf(last.text) + text) };
        return;
      }
      outputs.push({ output_type: 'stream', name, text: linesOf(text) });
      return;
    }
    case 'execute_result':
    case 'display_data':
      outputs.push({
        output_type: type,
        data: Object.fromEntries(
          Object.entries(content.data as object).map(([media, value]) => [media, stored(media, value)]),
        ),
        metadata: (content.metadata ?? {}) as Record<string, unknown>,
        ...(type === 'execute_result' ? { execution_count: Number(content.execution_count) } : {}),
      });
      return;
    case 'error':
      outputs.push({
        output_type: 'error',
        ename: String(content.ename),
        evalue: String(content.evalue),
        traceback: (content.traceback ?? []) as string[],
      });
  }
}

/** Text is stored as lines; base64 as one text. */
const stored = (media: string, value: unknown): unknown =>
  typeof value === 'string' && (media.startsWith('text/') || media === 'image/svg+xml') ? linesOf(value) : value;
