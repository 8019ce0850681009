/** Shaders of a device: equal code is compiled once, all of it in parallel. */

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The code with line numbers, as compilers count them. */
export const numberLines = (code: string): string =>
  code
    .split('\n')
    .map((line, k) => `${String(k + 1).padStart(4)}  ${line}`)
    .join('\n');

/** A shader that the device's compiler refuses. */
export class ShaderError extends Error {
  override name = 'ShaderError';

  constructor(kernel: string, reason: string, code: string) {
    super(`webgpu: kernel '${kernel}' does not compile: ${reason}\n${numberLines(code)}`);
  }
}

const keptPipelines = 2048;

export class PipelineCache {
  readonly #device: GPUDevice;
  /** By code, least recently asked for first. */
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  #compiled = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** How many shaders were compiled. */
  get compiled(): number {
    return this.#compiled;
  }

  /** Throws ShaderError. `name` is for people. */
  get(name: string, code: string): Promise<Pipeline> {
    const known = this.#pipelines.get(code);
    this.#pipelines.delete(code);
    const pipeline = known ?? this.#compile(name, code);
    this.#pipelines.set(code, pipeline);
    if (this.#pipelines.size > keptPipelines) this.#pipelines.delete(this.#pipelines.keys().next().value as string);
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
      const reasons = messages
        .filter(({ type }) => type === 'error')
        .map(({ lineNum, linePos, message }) => `line ${lineNum}:${linePos}: ${message}`);
      const reason = (await invalid)?.message ?? (error instanceof Error ? error.message : String(error));
      throw new ShaderError(name, reasons.length > 0 ? reasons.join('; ') : reason, code);
    }
  }
}
