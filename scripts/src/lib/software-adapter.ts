/**
 * WebGPU without a GPU: SwiftShader, a Vulkan driver that runs on the CPU. It is part of Debian's package chromium and, compressed, of the
 * npm package @sparticuz/chromium. Environment variables tell Vulkan's loader where it is. They must be set before a process loads the
 * driver, and LD_LIBRARY_PATH before the process starts.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const driverFile = 'vk_swiftshader_icd.json';
const loaderFile = 'libvulkan.so.1';

/** Where Debian's and other packages of Chromium install it. */
const chromiumFolders = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/usr/lib64/chromium-browser',
];

export interface SoftwareAdapter {
  /** The folder of the driver. */
  readonly folder: string;
  /** The environment variables of processes that use it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Whether Vulkan's loader is installed in the system. */
const hasLoader = (): boolean =>
  ['/usr/lib', '/usr/lib64', '/lib', `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`].some(
    (folder) => existsSync(join(folder, loaderFile)),
  );

/** Unpacks the driver from the npm package into the user's cache; null if the package is not installed. */
function unpackSwiftShader(): string | null {
  let archive: string;
  let version: string;
  try {
    const require = createRequire(import.meta.url);
    const entry = require.resolve('@sparticuz/chromium');
    let root = dirname(entry);
    while (!existsSync(join(root, 'bin', 'swiftshader.tar.br'))) {
      if (root === dirname(root)) return null;
      root = dirname(root);
    }
    archive = join(root, 'bin', 'swiftshader.tar.br');
    version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tessera');
  const folder = join(cache, `swiftshader-${version}`);
  if (existsSync(join(folder, driverFile))) return folder;
  mkdirSync(cache, { recursive: true });
  // Renamed when it is complete, because two processes may do this at once.
  const fresh = mkdtempSync(join(cache, 'swiftshader-'));
  try {
    execFileSync('tar', ['-x', '-C', fresh], { input: brotliDecompressSync(readFileSync(archive)) });
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(join(folder, driverFile))) throw error;
  }
  return folder;
}

/** SwiftShader on this machine; null if it is not installed. */
export function findSwiftShader(): SoftwareAdapter | null {
  if (process.platform !== 'linux') return null;
  const folder = chromiumFolders.find((path) => existsSync(join(path, driverFile))) ?? unpackSwiftShader();
  if (folder === null) return null;
  const driver = { VK_ICD_FILENAMES: join(folder, driverFile), VK_DRIVER_FILES: join(folder, driverFile) };
  if (hasLoader() || !readdirSync(folder).includes(loaderFile)) return { folder, environment: driver };
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return { folder, environment: { ...driver, LD_LIBRARY_PATH: libraries } };
}

/** Whether this machine seems to have a GPU with a driver; then tests run on it. */
const hasGpu = (): boolean => existsSync('/dev/nvidia0') || existsSync('/dev/dri/renderD128') || existsSync('/dev/kfd');

/**
 * The environment variables with which tests find a WebGPU adapter: none if there is a GPU or if the caller has chosen an adapter,
 * otherwise those of SwiftShader, which compiles shaders faster than other software drivers.
 */
export function testEnvironment(): Readonly<Record<string, string>> {
  const chosen = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'TESSERA_WEBGPU_ADAPTER'].some((name) => process.env[name]);
  return chosen || hasGpu() ? {} : (findSwiftShader()?.environment ?? {});
}
