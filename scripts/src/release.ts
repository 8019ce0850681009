/** npm run release: checks that the packages can be published, and publishes them with --publish. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, exitCodes, runCommand } from '@tessera/cli';
import { run, runOrThrow } from './packages/process.ts';
import { publishedPackages, repository } from './packages/published.ts';
import { distributionTag, releaseProblems } from './packages/release-plan.ts';

const readOptions = () =>
  commandLine('release')
    .usage(
      '$0 [options]\n\nChecks that the packages can be published, builds them, and shows what would be published. Nothing is published without --publish.',
    )
    .options({
      publish: { type: 'boolean', default: false, describe: 'Publish, in the order of dependencies' },
      otp: { type: 'string', describe: 'One-time password for npm' },
    })
    .epilogue('How to release: docs/contributing.md')
    .parseAsync();

const inRoot = { cwd: repository, timeout: 600_000 };

/** Why the working tree must not be published; nothing if it is clean. */
async function treeProblems(): Promise<string[]> {
  const changed = (await runOrThrow('git', ['status', '--porcelain'], inRoot)).trimEnd();
  return changed === '' ? [] : [`the working tree has changes that are not committed:\n${changed}`];
}

/** npm signs packages with the identity of the machine that builds them, which it knows only in some CI systems. */
const hasIdentity = (): boolean =>
  process.env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined || process.env.SIGSTORE_ID_TOKEN !== undefined;

await runCommand(async () => {
  const { publish, otp } = await readOptions();
  const packages = publishedPackages();
  const read = (file: string): string => readFileSync(join(repository, file), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const problems = [...(await treeProblems()), ...releaseProblems(version, packages, read('CHANGELOG.md'))];
  const unplaced = packages.filter(({ manifest }) => manifest.repository === undefined).map(({ folder }) => folder);
  if (unplaced.length > 0)
    problems.push(`repository, with which npm compares the provenance, is missing in ${unplaced.join(', ')}`);
  if (publish && !hasIdentity())
    problems.push(
      'provenance needs a CI system that npm knows, such as GitHub Actions with id-token: write; here it cannot be signed',
    );
  for (const problem of problems) console.error(`- ${problem}`);
  if (publish && problems.length > 0) {
    console.error('\nnothing was published');
    return exitCodes.failure;
  }
  console.log('building the packages');
  await runOrThrow('npm', ['run', '--silent', 'build'], inRoot);
  const tag = distributionTag(version);
  for (const { folder, manifest } of packages) {
    const args = [
      'publish',
      '--loglevel',
      'notice',
      '--workspace',
      folder,
      '--tag',
      tag,
      ...(otp === undefined ? [] : ['--otp', otp]),
    ];
    // A dry run signs nothing.
    const { status, all } = await run('npm', publish ? args : [...args, '--dry-run', '--no-provenance'], inRoot);
    const [size = ''] = /unpacked size: .*/.exec(all) ?? [];
    const [files = ''] = /total files: .*/.exec(all) ?? [];
    if (status !== 0) {
      console.error(`${manifest.name}: npm publish failed\n${all}`);
      return exitCodes.failure;
    }
    console.log(
      `${publish ? 'published' : 'would publish'} ${manifest.name}@${version} (${[`tag ${tag}`, files, size].filter(Boolean).join(', ')})`,
    );
  }
  if (publish) console.log(`\nnow tag the commit: git tag v${version} && git push origin v${version}`);
  else if (problems.length > 0)
    console.error(`\n${problems.length} problems, listed at the top, would keep --publish from publishing`);
  else console.log('\neverything holds; --publish publishes');
  return problems.length > 0 ? exitCodes.failure : undefined;
});
