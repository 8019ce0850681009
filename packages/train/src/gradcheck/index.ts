export { gradcheckCases } from './cases.ts';
export { checkModule, type GradcheckCase, type ModuleReport } from './check-module.ts';
