/**
 * Loaded before an example, with `--import`: when the program ends, writes which of its lines ran to the file TESSERA_COVERAGE.
 * JavaScript, so that the type stripper is not started for this file alone.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const program = pathToFileURL(process.argv[1]).href;
process.on('exit', () => {
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error;
    const script = coverage.result.find(({ url }) => url === program);
    const ranges = script?.functions.flatMap((covered) => covered.ranges) ?? [];
    writeFileSync(process.env.TESSERA_COVERAGE, JSON.stringify(ranges));
  });
});
