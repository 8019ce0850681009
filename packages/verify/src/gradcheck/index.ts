export { gradcheckCases } from './cases.ts';
export { checkModuleOn } from './check-backend.ts';
export { checkModule, type GradcheckCase, type ModuleReport } from './check-module.ts';
