/**
 * A client of ZeroMQ's wire protocol, ZMTP 3.0 over TCP without security, as far as Jupyter kernels need it: it connects, subscribes, and
 * sends and receives messages of several parts. The specification is https://rfc.zeromq.org/spec/23/.
 */
import { connect, type Socket } from 'node:net';

/** `dealer` sends requests and receives their replies; `sub` receives all that is published. */
export type SocketKind = 'dealer' | 'sub';

const greetingBytes = 64;
const flags = { more: 1, long: 2, command: 4 } as const;

function greeting(): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

function frame(kind: number, body: Buffer): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(kind, body.length), body]);
  const head = Buffer.alloc(9);
  head[0] = kind | flags.long;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

const property = (name: string, value: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name), length, Buffer.from(value)]);
};

const ready = (kind: SocketKind): Buffer =>
  frame(
    flags.command,
    Buffer.concat([
      Buffer.from('\x05READY', 'latin1'),
      property('Socket-Type', kind.toUpperCase()),
      ...(kind === 'dealer' ? [property('Identity', '')] : []),
    ]),
  );

/** Subscribes to everything: an empty prefix. */
const subscription = frame(0, Buffer.of(1));

/** Splits what arrives into the frames of messages. Bytes may arrive in any pieces. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #greeted = false;
  #isReady = false;
  #parts: Buffer[] = [];

  /** Whether the other side has sent its greeting and its READY command. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Adds bytes, and returns the messages that are complete now. @throws for a greeting of another protocol, or an ERROR command */
  add(bytes: Buffer): Buffer[][] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const messages: Buffer[][] = [];
    if (!this.#greeted) {
      if (this.#bytes.length < greetingBytes) return messages;
      const [signature, , version] = [this.#bytes[0], this.#bytes[9], this.#bytes[10]];
      if (signature !== 0xff || (version ?? 0) < 3) throw new Error('zmtp: the other side does not speak ZMTP 3');
      this.#greeted = true;
      this.#bytes = this.#bytes.subarray(greetingBytes);
    }
    for (let next = this.#take(); next !== null; next = this.#take()) {
      const { kind, body } = next;
      if ((kind & flags.command) !== 0) this.#command(body);
      else {
        this.#parts.push(body);
        if ((kind & flags.more) !== 0) continue;
        messages.push(this.#parts);
        this.#parts = [];
      }
    }
    return messages;
  }

  /** The next frame; null if it is not complete. */
  #take(): { kind: number; body: Buffer } | null {
    const kind = this.#bytes[0];
    if (kind === undefined) return null;
    const head = (kind & flags.long) === 0 ? 2 : 9;
    if (this.#bytes.length < head) return null;
    const length = head === 2 ? this.#bytes.readUInt8(1) : Number(this.#bytes.readBigUInt64BE(1));
    if (this.#bytes.length < head + length) return null;
    const body = this.#bytes.subarray(head, head + length);
    this.#bytes = this.#bytes.subarray(head + length);
    return { kind, body };
  }

  #command(body: Buffer): void {
    const name = body.toString('latin1', 1, 1 + (body[0] ?? 0));
    if (name === 'ERROR') throw new Error(`zmtp: ${body.toString('latin1', 2 + name.length)}`);
    if (name === 'READY') this.#isReady = true;
  }
}

/** A connected socket. */
export class ZmtpSocket {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Connects, and resolves when the other side is ready.
   *
   * @param onMessage called for each message that arrives, with its parts
   * @param onEnd called once if the connection ends later
   */
  static open(
    kind: SocketKind,
    { host, port }: { readonly host: string; readonly port: number },
    onMessage: (parts: readonly Buffer[]) => void,
    onEnd: (error: Error) => void,
  ): Promise<ZmtpSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host);
      const reader = new FrameReader();
      const opened = new ZmtpSocket(socket);
      let isOpen = false;
      const fail = (error: Error): void => (isOpen ? onEnd(error) : reject(error));
      socket.on('error', fail);
      socket.on('close', () => fail(new Error(`zmtp: ${host}:${port} closed the connection`)));
      socket.on('data', (bytes) => {
        try {
          const messages = reader.add(bytes);
          if (reader.isReady && !isOpen) {
            isOpen = true;
            if (kind === 'sub') socket.write(subscription);
            resolve(opened);
          }
          for (const parts of messages) onMessage(parts);
        } catch (error) {
          fail(error as Error);
          socket.destroy();
        }
      });
      socket.on('connect', () => socket.write(Buffer.concat([greeting(), ready(kind)])));
    });
  }

  send(parts: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(parts.map((part, k) => frame(k < parts.length - 1 ? flags.more : 0, part))));
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}
