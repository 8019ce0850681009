/** Gradients of modules, compared with central differences. */
export { gradcheckCases, gradcheckCasesOf } from './cases.ts';
export { checkModuleOn } from './check-backend.ts';
export { checkModule, type GradcheckCase, type ModuleReport } from './check-module.ts';
