/** Sweeps: many runs of one training with different settings and seeds, and their results. */
export { type ChildProgram, inChildProcesses } from './child-processes.ts';
export { parseSweep, type SweepDefinition } from './definition.ts';
export type { RunOrder } from './messages.ts';
export { runTitle, valueText } from './names.ts';
export { describeSweep, meanText, timeText } from './page/render.ts';
export { type PlannedConfiguration, type PlannedRun, type PlanSources, planSweep, type SweepPlan } from './plan.ts';
export type { ConfigurationResult, ParameterInfo, RunResult, SweepResults } from './results.ts';
export {
  type RunEnd,
  type RunProgress,
  runSweep,
  type SweepListener,
  type SweepRequest,
  sweepResults,
  type TrainRun,
} from './run-sweep.ts';
export { serveRun } from './serve-run.ts';
export type { Work } from './standings.ts';
export type { Reached } from './state.ts';
