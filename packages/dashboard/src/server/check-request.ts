/** Checks what pages send: requests with a body. */
import type { IncomingMessage } from 'node:http';
import {
  axes,
  type CurvesRequest,
  type EvaluationsRequest,
  type HeldCurve,
  type SettingsRequest,
} from '../shared/api.ts';

/** The largest body, in bytes. */
const largestBody = 2 ** 20;
const mostPoints = 4096;

/** A request that the server does not understand. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}

/** The body of a request as JSON. @throws RequestError where it is too large or not JSON */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestBody) throw new RequestError(`the body has more than ${largestBody} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new RequestError('the body is not JSON');
  }
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const isText = (value: unknown): value is string => typeof value === 'string';
const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function fail(expected: string): never {
  throw new RequestError(`expected ${expected}`);
}

const texts = (value: unknown, name: string): readonly string[] =>
  Array.isArray(value) && value.every(isText) ? value : fail(`${name}: a list of texts`);

function heldCurve(value: unknown): HeldCurve | null {
  if (value === null) return null;
  const { generation, groupSize, groups } = fieldsOf(value);
  if (!Number.isSafeInteger(generation) || !isCount(groupSize) || !isCount(groups))
    return fail('held: null, or generation, groupSize and groups');
  return { generation: generation as number, groupSize, groups };
}

function rangeOf(value: unknown): CurvesRequest['range'] {
  if (value === null) return null;
  const [from, to, ...more] = Array.isArray(value) ? (value as unknown[]) : [];
  return isFiniteNumber(from) && isFiniteNumber(to) && more.length === 0
    ? [from, to]
    : fail('range: null or two numbers');
}

export function curvesRequest(body: unknown): CurvesRequest {
  const { runs, metrics, axis, range, points, bands } = fieldsOf(body);
  const known = axes.find((name) => name === axis) ?? fail(`axis: one of ${axes.join(', ')}`);
  if (!isCount(points) || points < 1 || points > mostPoints) return fail(`points: a number from 1 to ${mostPoints}`);
  if (!Array.isArray(runs)) return fail('runs: a list');
  if (typeof bands !== 'boolean') return fail('bands: true or false');
  return {
    runs: runs.map((run) => {
      const { id, held } = fieldsOf(run);
      return { id: isText(id) ? id : fail('runs: each with an id'), held: heldCurve(held ?? null) };
    }),
    metrics: texts(metrics, 'metrics'),
    axis: known,
    range: rangeOf(range ?? null),
    points,
    bands,
  };
}

export const runsRequest = (body: unknown): EvaluationsRequest & SettingsRequest => ({
  runs: texts(fieldsOf(body).runs, 'runs'),
});
