import { blockProgramSuite } from './block-program.suite.testing.ts';

blockProgramSuite();
