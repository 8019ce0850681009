/** A training step of CLIP with a Vision Transformer in jax-js, with the same model and optimizer as in the other libraries. */
import type { CLIPConfig } from '@tessera/models';
import { UnsupportedWork } from '../engine.ts';
import type { ClipStepWork } from '../work.ts';
import type { Jax, JaxArray } from './jax-types.ts';

/** The parameters by OpenAI's names. */
export type Parameters = Record<string, JaxArray>;

/** A parameter by its name. @throws if it does not exist */
function parameterOf(parameters: Parameters, name: string): JaxArray {
  const parameter = parameters[name];
  if (parameter === undefined) throw new Error(`no parameter ${name}`);
  return parameter;
}

/** Returns the parameter with a name after a fixed prefix, as a new reference. */
type Scope = (name: string) => JaxArray;

const scopeOf =
  (parameters: Parameters, prefix: string): Scope =>
  (name) =>
    parameterOf(parameters, `${prefix}${name}`).ref;

function transformer(jax: Jax, input: JaxArray, parameters: Scope, layers: number, heads: number, causal: boolean) {
  const { numpy: np, nn } = jax;
  const [batch = 0, length = 0, width = 0] = input.shape;
  const linear = (x: JaxArray, name: string): JaxArray =>
    np.matmul(x, parameters(`${name}weight`).transpose()).add(parameters(`${name}bias`));
  const split = (x: JaxArray): JaxArray => x.reshape([batch, length, heads, width / heads]);
  let x = input;
  for (let layer = 0; layer < layers; layer++) {
    const block = `resblocks.${layer}.`;
    const normalized = layerNorm(jax, x.ref, (name) => parameters(`${block}ln_1.${name}`));
    const projected = linear(normalized, `${block}attn.in_proj_`).reshape([batch, length, 3, width]);
    const part = (index: number): JaxArray => split(projected.ref.slice([], [], index));
    const [q, k, v] = [part(0), part(1), part(2)];
    projected.dispose();
    const attended = nn.dotProductAttention(q, k, v, { isCausal: causal }).reshape([batch, length, width]);
    x = x.add(linear(attended, `${block}attn.out_proj.`));
    const hidden = linear(
      layerNorm(jax, x.ref, (name) => parameters(`${block}ln_2.${name}`)),
      `${block}mlp.c_fc.`,
    );
    const active = hidden.ref.mul(nn.sigmoid(hidden.mul(1.702)));
    x = x.add(linear(active, `${block}mlp.c_proj.`));
  }
  return x;
}

const layerNorm = ({ nn }: Jax, x: JaxArray, parameters: Scope): JaxArray =>
  nn.standardize(x, -1, { epsilon: 1e-5 }).mul(parameters('weight')).add(parameters('bias'));

function encodeImages(jax: Jax, { vision }: CLIPConfig, parameters: Scope, images: JaxArray): JaxArray {
  if (vision.kind !== 'vit') throw new UnsupportedWork('the benchmark has no ResNet for jax-js');
  const { numpy: np } = jax;
  const { patchSize: patch, width, layers } = vision;
  const [batch = 0, , side = 0] = images.shape;
  const grid = side / patch;
  // Patches do not overlap, so the convolution is a matrix product.
  const patches = images
    .reshape([batch, 3, grid, patch, grid, patch])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([batch, grid * grid, 3 * patch * patch]);
  const filters = parameters('conv1.weight')
    .reshape([width, 3 * patch * patch])
    .transpose();
  const classes = np.broadcastTo(parameters('class_embedding'), [batch, 1, width]);
  const tokens = np.concatenate([classes, np.matmul(patches, filters)], 1).add(parameters('positional_embedding'));
  const normalized = layerNorm(jax, tokens, (name) => parameters(`ln_pre.${name}`));
  const heads = vision.heads ?? Math.floor(width / 64);
  const output = transformer(jax, normalized, (name) => parameters(`transformer.${name}`), layers, heads, false);
  const first = layerNorm(jax, output.slice([], 0), (name) => parameters(`ln_post.${name}`));
  return np.matmul(first, parameters('proj'));
}

function encodeTexts(jax: Jax, { text }: CLIPConfig, parameters: Scope, tokens: JaxArray, ends: JaxArray): JaxArray {
  const { numpy: np, nn } = jax;
  const { width, layers, vocabularySize } = text;
  const [batch = 0, length = 0] = tokens.shape;
  // Products with one-hot rows, because the compiler (0.1.25) does not support the gradient of `take`.
  const embedded = np.matmul(nn.oneHot(tokens, vocabularySize), parameters('token_embedding.weight'));
  const x = embedded.add(parameters('positional_embedding'));
  const heads = text.heads ?? Math.floor(width / 64);
  const output = transformer(jax, x, (name) => parameters(`transformer.${name}`), layers, heads, true);
  const chosen = nn.oneHot(ends, length).reshape([batch, length, 1]);
  const pooled = output.mul(chosen).sum(1);
  return np.matmul(
    layerNorm(jax, pooled, (name) => parameters(`ln_final.${name}`)),
    parameters('text_projection'),
  );
}

function contrastiveLoss({ numpy: np, nn }: Jax, images: JaxArray, texts: JaxArray, scale: JaxArray): JaxArray {
  const normalized = (x: JaxArray): JaxArray => x.ref.div(np.sqrt(np.square(x).sum(-1, { keepdims: true })));
  const logits = np.matmul(normalized(images), normalized(texts).transpose()).mul(np.exp(scale));
  const [batch = 0] = logits.shape;
  const own = np.eye(batch);
  const likelihood = nn.logSoftmax(logits.ref, -1).add(nn.logSoftmax(logits, 0));
  return likelihood
    .mul(own)
    .sum()
    .mul(-0.5 / batch);
}

/** The state of training: parameters, and AdamW's running means of gradients and their squares. */
export type State = { parameters: Parameters; means: Parameters; squares: Parameters };

const decays = (name: string, { shape }: JaxArray): boolean =>
  shape.length >= 2 && !/bn|ln|bias|logit_scale/.test(name);

/**
 * The compiled step, which returns the new state and the loss.
 *
 * `corrections` are AdamW's 1 - beta^t for both betas, and `ends` is the position of each caption's end.
 */
export function clipStep(jax: Jax, { config, optimizer }: ClipStepWork) {
  const { numpy: np } = jax;
  const { lr, betas, eps, weightDecay, clipGradNorm } = optimizer;
  const loss = (parameters: Parameters, images: JaxArray, tokens: JaxArray, ends: JaxArray): JaxArray =>
    contrastiveLoss(
      jax,
      encodeImages(jax, config, scopeOf(parameters, 'visual.'), images),
      encodeTexts(jax, config, scopeOf(parameters, ''), tokens, ends),
      parameterOf(parameters, 'logit_scale').ref,
    );
  const lossAndGradients = jax.valueAndGrad(loss);
  return jax.jit((state: State, images: JaxArray, tokens: JaxArray, ends: JaxArray, corrections: JaxArray) => {
    const { parameters, means, squares } = state;
    const [value, gradients] = lossAndGradients(jax.tree.ref(parameters), images, tokens, ends);
    const names = Object.keys(parameters);
    const norm = np.sqrt(
      names.map((name) => np.square(parameterOf(gradients, name).ref).sum()).reduce((sum, square) => sum.add(square)),
    );
    const factor = np.minimum(np.array(clipGradNorm).div(norm.add(1e-6)), 1);
    const next: State = { parameters: {}, means: {}, squares: {} };
    for (const name of names) {
      const parameter = parameterOf(parameters, name);
      const [mean, square] = [parameterOf(means, name), parameterOf(squares, name)];
      const gradient = parameterOf(gradients, name).mul(factor.ref);
      const m = mean.mul(betas[0]).add(gradient.ref.mul(1 - betas[0]));
      const v = square.mul(betas[1]).add(np.square(gradient).mul(1 - betas[1]));
      const root = np.sqrt(v.ref.div(corrections.ref.slice(1))).add(eps);
      const change = m.ref.div(corrections.ref.slice(0)).div(root).mul(lr);
      const kept = decays(name, parameter) ? parameter.mul(1 - lr * weightDecay) : parameter;
      const updated = kept.sub(change);
      next.parameters[name] = name === 'logit_scale' ? np.maximum(np.minimum(updated, Math.log(100)), 0) : updated;
      next.means[name] = m;
      next.squares[name] = v;
    }
    factor.dispose();
    corrections.dispose();
    return { state: next, loss: value };
  });
}
