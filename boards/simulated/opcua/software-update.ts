/**
 * `Gateway.SoftwareUpdate`: firmware over OPC UA, with cached loading, explicit installation and confirmation.
 *
 * Source: OPC 10000-100 (Devices), 1.05, 8.4: SoftwareUpdateType, CachedLoadingType (8.4.5),
 * InstallationStateMachineType (8.4.9), ConfirmationStateMachineType (8.4.11), UpdateBehavior (8.5.2).
 */

import { type DeviceLink } from './device-link.ts';
import { type GatewayState, type Identity } from './ipc.ts';
import { addTemporaryFile, type CommittedFile } from './file-nodes.ts';
import { type FileTransaction } from './file-transaction.ts';
import { type NodeBuilder, type Outcome, type StatusName } from './node-builder.ts';
import { type UAObject, type UAVariable } from './node-opcua.ts';

/** Of the types and states in the DI namespace. */
const devicesType = {
  softwareUpdate: 1,
  cachedLoading: 171,
  softwareVersion: 212,
  installation: 249,
  confirmation: 307,
  updateBehavior: 333,
} as const;

const devicesState = {
  idle: { id: 271, text: 'Idle' },
  installing: { id: 273, text: 'Installing' },
  notWaitingForConfirm: { id: 323, text: 'NotWaitingForConfirm' },
  waitingForConfirm: { id: 325, text: 'WaitingForConfirm' },
} as const;

const finiteStateVariableType = 'i=2760';
const durationType = 'i=290';

/** Bits of UpdateBehavior. */
const updateBehavior = { keepsParameters: 1, willDisconnect: 2, willReboot: 8 } as const;

/** Signature check of the largest image on a busy machine. */
const verifyWithinMs = 60_000;
/** Writing the swap request, or burning a step of the counter. */
const stepWithinMs = 10_000;

export const manufacturerUri = 'urn:fieldproof:reference-devices';

export interface SoftwareUpdateParts {
  builder: NodeBuilder;
  gateway: UAObject;
  device: DeviceLink;
  identity: Identity;
  transaction: FileTransaction;
  times: { confirmWithinMs: number; stalledAfterMs: number };
  /** The device's latest state; `null` before the first one. */
  latest: () => GatewayState | null;
}

type StateOfMachine = (typeof devicesState)[keyof typeof devicesState];

export function addSoftwareUpdate(parts: SoftwareUpdateParts): void {
  const { builder, gateway } = parts;
  const path = 'Gateway.SoftwareUpdate';
  const update = builder.addIn(path, gateway, 'devices', builder.devicesId(devicesType.softwareUpdate));
  addLoading(`${path}.Loading`, update, parts);
  addInstallation(`${path}.Installation`, update, parts);
  addConfirmation(`${path}.Confirmation`, update, parts);
}

function addLoading(path: string, update: UAObject, parts: SoftwareUpdateParts): void {
  const { builder, device, transaction, times, latest } = parts;
  const loading = builder.object(path, update, 'devices', builder.devicesId(devicesType.cachedLoading));
  addVersion(`${path}.CurrentVersion`, loading, parts, (state) => state.version);
  const pending = addVersion(`${path}.PendingVersion`, loading, parts, (state) => state.pendingVersion ?? '');
  builder.method(`${path}.PendingVersion.Clear`, pending, 'devices', {
    run: () =>
      withPending(latest, () => plainly(device.call({ what: 'discard' }, stepWithinMs), 'BadInternalError')),
  });
  const message = builder.constant(
    `${path}.ErrorMessage`,
    loading,
    { dataType: 'LocalizedText', owner: 'devices' },
    text(''),
  );
  const commit = (file: CommittedFile): Promise<StatusName> => offer(file, parts, message);
  addTemporaryFile(`${path}.FileTransfer`, loading, { builder, device, transaction, times, commit });
  builder.method(`${path}.GetUpdateBehavior`, loading, 'devices', {
    inputs: packageArguments,
    outputs: [{ name: 'UpdateBehavior', dataType: builder.devicesId(devicesType.updateBehavior) }],
    run: ([maker, revision]) => {
      if (!names(latest(), maker, revision)) return { status: 'BadNotFound' };
      const value =
        updateBehavior.keepsParameters | updateBehavior.willDisconnect | updateBehavior.willReboot;
      return { status: 'Good', outputs: [{ dataType: 'UInt32', value }] };
    },
  });
}

const packageArguments = [
  { name: 'ManufacturerUri', dataType: 'String' },
  { name: 'SoftwareRevision', dataType: 'String' },
  { name: 'PatchIdentifiers', dataType: 'String', isArray: true },
];

function addVersion(
  path: string,
  loading: UAObject,
  { builder, identity }: SoftwareUpdateParts,
  revision: (state: GatewayState) => string,
): UAObject {
  const version = builder.object(path, loading, 'devices', builder.devicesId(devicesType.softwareVersion));
  const property = { owner: 'devices', isProperty: true } as const;
  builder.constant(
    `${path}.Manufacturer`,
    version,
    { ...property, dataType: 'LocalizedText' },
    text(identity.vendor),
  );
  builder.constant(`${path}.ManufacturerUri`, version, { ...property, dataType: 'String' }, manufacturerUri);
  builder.follow(`${path}.SoftwareRevision`, version, { ...property, dataType: 'String' }, revision);
  return version;
}

async function offer(
  file: CommittedFile,
  { builder, device }: SoftwareUpdateParts,
  message: UAVariable,
): Promise<StatusName> {
  const call = { what: 'firmware', name: file.name, bytes: file.bytes.toString('base64') } as const;
  const { ok, reason } = await device.call(call, verifyWithinMs);
  builder.set(message, 'LocalizedText', text(ok ? '' : `refused: ${reason ?? 'no reason given'}`));
  return ok ? 'Good' : 'BadInvalidArgument';
}

function addInstallation(
  path: string,
  update: UAObject,
  { builder, device, latest }: SoftwareUpdateParts,
): void {
  const installation = builder.object(path, update, 'devices', builder.devicesId(devicesType.installation));
  const show = addState(path, installation, builder);
  show(devicesState.idle);
  builder.method(`${path}.InstallSoftwarePackage`, installation, 'devices', {
    inputs: [...packageArguments, { name: 'Hash', dataType: 'ByteString' }],
    run: async ([maker, revision]) => {
      const state = latest();
      if (state === null || state.pendingVersion === null) return { status: 'BadInvalidState' };
      if (!names(state, maker, revision)) return { status: 'BadNotFound' };
      // "This Method shall not return before the state has changed to the Installing state." (8.4.9.4)
      show(devicesState.installing);
      const outcome = await plainly(device.call({ what: 'activate' }, stepWithinMs), 'BadInvalidState');
      if (outcome.status !== 'Good') show(devicesState.idle);
      return outcome;
    },
  });
  builder.method(`${path}.Resume`, installation, 'devices', { run: () => ({ status: 'BadInvalidState' }) });
}

function addConfirmation(
  path: string,
  update: UAObject,
  { builder, device, times, latest }: SoftwareUpdateParts,
): void {
  const confirmation = builder.object(path, update, 'devices', builder.devicesId(devicesType.confirmation));
  addState(path, confirmation, builder, (state) =>
    isTrial(state) ? devicesState.waitingForConfirm : devicesState.notWaitingForConfirm,
  );
  builder.constant(
    `${path}.ConfirmationTimeout`,
    confirmation,
    { dataType: 'Double', declaredType: durationType, owner: 'devices' },
    times.confirmWithinMs,
  );
  builder.method(`${path}.Confirm`, confirmation, 'devices', {
    run: () => {
      const state = latest();
      if (state === null || !isTrial(state)) return { status: 'BadInvalidState' };
      return plainly(device.call({ what: 'confirm' }, stepWithinMs), 'BadInvalidState');
    },
  });
}

/** `CurrentState` and its `Id`; they follow the device's state, or are set by the function returned. */
function addState(
  path: string,
  machine: UAObject,
  builder: NodeBuilder,
  follows?: (state: GatewayState) => StateOfMachine,
): (state: StateOfMachine) => void {
  const stateSpec = { dataType: 'LocalizedText', owner: 'standard', type: finiteStateVariableType } as const;
  const idSpec = { dataType: 'NodeId', owner: 'standard', isProperty: true } as const;
  const idOf = (state: StateOfMachine): string => builder.devicesId(state.id);
  if (follows !== undefined) {
    const current = builder.follow(`${path}.CurrentState`, machine, stateSpec, (state) =>
      text(follows(state).text),
    );
    builder.follow(`${path}.CurrentState.Id`, current, idSpec, (state) => idOf(follows(state)));
    return () => {};
  }
  const current = builder.variable(`${path}.CurrentState`, machine, stateSpec);
  const id = builder.variable(`${path}.CurrentState.Id`, current, idSpec);
  return (state) => {
    builder.set(current, 'LocalizedText', text(state.text));
    builder.set(id, 'NodeId', idOf(state));
  };
}

function isTrial(state: GatewayState): boolean {
  return state.confirmation === 'trial';
}

/** Whether these name the pending package; an empty name means "the pending one". */
function names(state: GatewayState | null, maker: unknown, revision: unknown): boolean {
  if (state === null || state.pendingVersion === null) return false;
  const isEmpty = (name: unknown): boolean => name === null || name === undefined || name === '';
  return (
    (isEmpty(maker) || maker === manufacturerUri) && (isEmpty(revision) || revision === state.pendingVersion)
  );
}

function withPending(
  latest: () => GatewayState | null,
  run: () => Promise<Outcome>,
): Promise<Outcome> | Outcome {
  return (latest()?.pendingVersion ?? null) === null ? { status: 'BadInvalidState' } : run();
}

async function plainly(answer: Promise<{ ok: boolean }>, otherwise: StatusName): Promise<Outcome> {
  const { ok } = await answer;
  return { status: ok ? 'Good' : otherwise };
}

function text(value: string): { locale: string; text: string } {
  return { locale: 'en', text: value };
}
