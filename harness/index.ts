/**
 * The front of the harness: what suites, makers' profiles and drivers outside this repository import.
 *
 * ```ts
 * import { describe } from 'mocha';
 * import { testCase } from 'fieldproof';
 * ```
 */

export * from './always.ts';
export * from './capabilities.ts';
export * from './clock.ts';
export * from './driver.ts';
export * from './errors.ts';
export * from './verdict.ts';
export type { CommandsDeclaration, BoardFile, Declaration } from './board/index.ts';
export type { MakersProfile } from './makers-profile.ts';
export { buildMessage } from './replay/message.ts';
export { searchWindow } from './replay/window-search.ts';
export { auditMarker, mustBeAudited, wasAudited } from './lifecycle/audit.ts';
export { CaseContext } from './lifecycle/case-context.ts';
export { controlUpdate, mustHaveTrace, nextControlImage } from './lifecycle/controls.ts';
export { everyOne } from './lifecycle/every-one.ts';
export {
  canRestart,
  firmwareOf,
  install,
  lastState,
  type Installation,
  powerCycle,
  primaryIngress,
  readState,
  restart,
  stateOnceRunning,
  waitUntilReady,
} from './lifecycle/firmware.ts';
export type { Circumstance, ForbiddenImage } from './lifecycle/ground.ts';
export { forgeries } from './lifecycle/forgeries.ts';
export type { Need } from './lifecycle/needs.ts';
export { mustBeAlive, watchProcess } from './lifecycle/process-watch.ts';
export { poison, recover } from './lifecycle/recovery.ts';
export { offerForbidden, rejectionBatch } from './lifecycle/rejection-batch.ts';
export { provenDead } from './lifecycle/proven-dead.ts';
export { currentRun } from './lifecycle/run.ts';
export { changes, differsFromImage, fitOf, mustSeeSomething, onTrial, say } from './lifecycle/state.ts';
export { testCase } from './lifecycle/test-case.ts';
export { vendorImage } from './lifecycle/vendor-image.ts';
