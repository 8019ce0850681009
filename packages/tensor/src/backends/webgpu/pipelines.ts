/** Compiles the shaders of a device: equal code once, different code in parallel. */

import { deleteOldest } from './delete-oldest.ts';
import type { BindGroupLayout, ComputePipeline, Device } from './gpu-types.ts';

export interface Pipeline {
  readonly pipeline: ComputePipeline;
  readonly layout: BindGroupLayout;
}

/** Lines of code with their numbers, from 1: all lines, or those around line `around`. */
export function numberLines(code: string, around: number | null = null): string {
  const margin = 5;
  return code
    .split('\n')
    .map((line, k) => ({ number: k + 1, text: `${String(k + 1).padStart(4)}  ${line}` }))
    .filter(({ number }) => around === null || Math.abs(number - around) <= margin)
    .map(({ text }) => text)
    .join('\n');
}

/** A shader that the device's compiler refuses. The message shows the lines around the first error. */
export class ShaderError extends Error {
  override name = 'ShaderError';
  readonly #code: string;

  constructor(kernel: string, reason: string, code: string, line: number | null) {
    super(`webgpu: kernel '${kernel}' does not compile: ${reason}\n${numberLines(code, line)}`);
    this.#code = code;
  }

  /** The whole shader, with line numbers. */
  listing(): string {
    return numberLines(this.#code);
  }
}

const keptPipelines = 2048;

/** Caches the compiled pipelines of a device. */
export class PipelineCache {
  readonly #device: Device;
  /** By code, least recently used first. */
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  #compiled = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  /** The number of shaders that were compiled. */
  get compiled(): number {
    return this.#compiled;
  }

  /** The pipeline of a shader. `name` is for people. Throws ShaderError. */
  get(name: string, code: string): Promise<Pipeline> {
    const known = this.#pipelines.get(code);
    this.#pipelines.delete(code);
    const pipeline = known ?? this.#compile(name, code);
    this.#pipelines.set(code, pipeline);
    if (this.#pipelines.size > keptPipelines) deleteOldest(this.#pipelines);
    return pipeline;
  }

  async #compile(name: string, code: string): Promise<Pipeline> {
    this.#compiled++;
    this.#device.pushErrorScope('validation');
    const module = this.#device.createShaderModule({ label: name, code });
    const invalid = this.#device.popErrorScope();
    try {
      const pipeline = await this.#device.createComputePipelineAsync({
        label: name,
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      });
      await invalid;
      return { pipeline, layout: pipeline.getBindGroupLayout(0) };
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const errors = messages.filter(({ type }) => type === 'error');
      const reasons = errors.map(({ lineNum, linePos, message }) => `line ${lineNum}:${linePos}: ${message}`);
      const reason = (await invalid)?.message ?? (error instanceof Error ? error.message : String(error));
      throw new ShaderError(name, reasons.length > 0 ? reasons.join('; ') : reason, code, errors[0]?.lineNum ?? null);
    }
  }
}
