import { loopSuite } from './loop.suite.testing.ts';

loopSuite();
