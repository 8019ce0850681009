/** Devices under /dev by which Linux reaches a GPU: a render node, NVIDIA's own, that of WSL, those of telephones. */
const gpuDevices = /^(renderD\d+|nvidia\d+|dxg|kgsl-3d0|mali0)$/;

/**
 * Why this machine certainly has no GPU, by what lies in /dev; null where it may have one, and everywhere but in Node on Linux. It
 * costs nothing, where asking the Vulkan loader prints warnings if there is no driver.
 */
export function whyNoGpuFile(): string | null {
  if (typeof process === 'undefined' || process.platform !== 'linux') return null;
  if (typeof process.getBuiltinModule !== 'function') return null;
  const { readdirSync } = process.getBuiltinModule('node:fs');
  const list = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return [...list('/dev'), ...list('/dev/dri')].some((name) => gpuDevices.test(name))
    ? null
    : 'there is none under /dev (dri/renderD*, nvidia*, dxg)';
}
