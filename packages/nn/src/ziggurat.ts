/** The layers that `HostRandom` draws normal numbers from. */
import { exactExp, exactLog } from './exact-math.ts';

export const layers = 256;

/** Where the tail begins, and the area of each layer, for 256 of them (G. Marsaglia, W. W. Tsang: The ziggurat method, 2000). */
export const tailStart = 3.6541528853610088;
const area = 0.004928673233974655;

/**
 * Layers of equal area below exp(-x^2 / 2), the lowest first. Layer k lies between the heights k and k + 1 and reaches from 0 to
 * `edges[k]`; the curve enters it at `edges[k + 1]`. The lowest one stands for the tail as well: its edge is where a rectangle of the
 * same area and of its height would end.
 */
function makeZiggurat(): { readonly edges: Float64Array; readonly heights: Float64Array } {
  const edges = new Float64Array(layers + 1);
  const heights = new Float64Array(layers + 1);
  edges[1] = tailStart;
  heights[1] = exactExp(-0.5 * tailStart * tailStart);
  edges[0] = area / (heights[1] as number);
  for (let k = 2; k < layers; k++) {
    heights[k] = (heights[k - 1] as number) + area / (edges[k - 1] as number);
    edges[k] = Math.sqrt(-2 * exactLog(heights[k] as number));
  }
  heights[layers] = 1;
  return { edges, heights };
}

export const ziggurat = makeZiggurat();
