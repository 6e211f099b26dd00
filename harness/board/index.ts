/** Board files and declarations: load, check, resolve, lock. */

export { adapterUses, type PlacedUse } from './adapter-uses.ts';
export {
  harmfulStimuli,
  imageRoles,
  type AdapterUse,
  type HarmfulStimulus,
  type ImageRole,
  type IngressUse,
  type WireEntry,
} from './board-schema.ts';
export { crossCheck } from './cross-check.ts';
export {
  fieldTypeBytes,
  macBytes,
  type CommandsDeclaration,
  type FieldType,
  type MacAlgorithm,
  type MessageLayout,
} from './declaration-commands.ts';
export {
  integrityObjects,
  type Declaration,
  type FirmwareFormat,
  type IntegrityObject,
  policyOf,
} from './declaration-schema.ts';
export { FromRef } from './from-ref.ts';
export { boardJsonSchema, declarationJsonSchema, profileJsonSchema, type JsonSchema } from './json-schema.ts';
export {
  loadBoard,
  type BoardFile,
  type BoardImage,
  type BoardSources,
  type LoadedBoard,
} from './load-board.ts';
export { deepFreeze, loadDeclaration, loadYaml, type LoadedDeclaration } from './load-declaration.ts';
export { socketLock, type BenchLock, type HeldLock, type LockHolder } from './lock.ts';
export { editDistance, nearest, suggestion } from './nearest.ts';
export { dependenciesOf, openingOrder } from './opening-order.ts';
export { pathText, problemText, refuseIfAny, type KeyPath, type Mark, type Problem } from './problem.ts';
export { redact, type Secret } from './secrets.ts';
export { resolveSettings, type Provided } from './settings.ts';
