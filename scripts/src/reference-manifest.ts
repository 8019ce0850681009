/** Prints the reference cases that case files declare as JSON, for scripts/reference/generate.py. Arguments: files, or none for all. */
import { readCaseFile } from '@tessera/nn/cases';
import { layerCases, referenceManifest } from '@tessera/verify';

const files = process.argv.slice(2);
const entries = files.length === 0 ? layerCases : (await Promise.all(files.map(readCaseFile))).flat();
console.log(JSON.stringify(referenceManifest(entries)));
