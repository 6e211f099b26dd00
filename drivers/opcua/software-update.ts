/**
 * Firmware through the SoftwareUpdate object of OPC UA for Devices: load, install, confirm.
 *
 * Loading: `FileTransfer.GenerateFileForWrite` → FileType `Write`, chunk by chunk → `CloseAndCommit`; a server that
 * checks the file in its own time names a state machine, which is read until it has come to rest.
 * Source: OPC 10000-100 v1.05, 8.3 and 8.4 (SoftwareUpdate); OPC 10000-20 v1.05, 4.4 (TemporaryFileTransferType) and
 * 4.5 (FileTransferStateMachineType).
 */

import type { Answer, FirmwareImage, Stage } from '../../harness/capabilities.ts';
import { monotonicMs, until } from '../../harness/clock.ts';
import { DeviceException, DriverError, FrameError } from '../../harness/errors.ts';
import { answerTo } from './faults.ts';
import {
  chunkSize,
  closeFile,
  fileMethods,
  noProgress,
  writeChunks,
  type OpenFile,
  type Progress,
} from './file-transfer.ts';
import type { NodeChild, OpcUaNodeSpace } from './node-space.ts';

export interface SoftwareUpdateSettings {
  nodeId: string;
  loadingId?: string | undefined;
  fileTransferId?: string | undefined;
  fileVersion: keyof typeof softwareVersionFile;
  chunkBytes?: number | undefined;
  verifyWithinMs: number;
}

/** SoftwareVersionFileType: the generateOptions of an update's file transfer (OPC 10000-100 8.4.3.3.1, 8.5.1). */
const softwareVersionFile = { current: 0, pending: 1, fallback: 2 } as const;

/** Node ids of the objects of an update, as found or given. */
export interface LoadingNodes {
  fileTransferId: string;
  generateFileForWrite: string;
  closeAndCommit: string;
  /** The variable with the device's words about the last failure (OPC 10000-100 8.4.3.3.1), where it has one. */
  errorMessage: string | undefined;
}

const pollEveryMs = 50;
const nullNodeIds = new Set(['ns=0;i=0', 'i=0', '', 'null']);

/** The child with this browse name, whatever its namespace index. */
export async function childOf(nodes: OpcUaNodeSpace, parentId: string, name: string): Promise<NodeChild> {
  const children = await nodes.browse(parentId);
  const found = children.find((child) => child.browseName === name);
  if (found !== undefined) return found;
  const names = children.map((child) => child.browseName).join(', ');
  throw new DriverError('no-such-child', `${parentId} has no child named ${name}`, {
    data: { parentId, name, children: names },
    hint: `It has ${names || 'no children'}; name the right SoftwareUpdate object, or the missing node, in the board file.`,
  });
}

/** Finds the objects and methods of loading by their browse names. */
export async function findLoading(
  nodes: OpcUaNodeSpace,
  settings: SoftwareUpdateSettings,
): Promise<LoadingNodes> {
  const loadingId =
    settings.loadingId ??
    (settings.fileTransferId === undefined
      ? (await childOf(nodes, settings.nodeId, 'Loading')).nodeId
      : undefined);
  const fileTransferId =
    settings.fileTransferId ?? (await childOf(nodes, loadingId ?? settings.nodeId, 'FileTransfer')).nodeId;
  const ofLoading = loadingId === undefined ? [] : await nodes.browse(loadingId);
  return {
    fileTransferId,
    generateFileForWrite: (await childOf(nodes, fileTransferId, 'GenerateFileForWrite')).nodeId,
    closeAndCommit: (await childOf(nodes, fileTransferId, 'CloseAndCommit')).nodeId,
    errorMessage: ofLoading.find((child) => child.browseName === 'ErrorMessage')?.nodeId,
  };
}

/**
 * Offers an image; the device's word, and how much of the image it acknowledged, become the answer.
 *
 * @throws BenchError when the update object cannot be found or the server cannot be reached: nothing was offered then
 */
export async function offerImage(
  nodes: OpcUaNodeSpace,
  settings: SoftwareUpdateSettings,
  image: FirmwareImage,
): Promise<Answer> {
  const loading = await findLoading(nodes, settings);
  const chunkBytes = await chunkSize(nodes, settings.chunkBytes);
  const progress = noProgress(image.bytes.length);
  let stage: Stage = 'transfer';
  let askedAtMs = monotonicMs();
  const steps = async (): Promise<Pick<Answer, 'kind' | 'reason'>> => {
    const file = await generateFile(nodes, loading, settings.fileVersion);
    await transfer(nodes, file, image.bytes, chunkBytes, progress);
    stage = 'verify';
    askedAtMs = monotonicMs();
    const reason = await commit(nodes, loading, file, settings.verifyWithinMs, progress);
    return reason === undefined ? { kind: 'accepted' } : { kind: 'refused', reason };
  };
  const met = await steps().catch((error: unknown) => {
    // A refusal of CloseAndCommit acknowledges the transfer's end as well.
    if (stage === 'verify' && error instanceof DeviceException) progress.complete = true;
    return answerTo(error);
  });
  const answer = { ...met, delivery: progress, elapsedMs: monotonicMs() - askedAtMs };
  if (met.kind === 'accepted') return answer;
  if (met.kind !== 'refused') return { ...answer, stage };
  return { ...answer, stage, reason: await inItsWords(nodes, loading, met.reason ?? '') };
}

/** The reason of a refusal with what the device keeps in ErrorMessage, if it says anything. */
async function inItsWords(nodes: OpcUaNodeSpace, loading: LoadingNodes, reason: string): Promise<string> {
  if (loading.errorMessage === undefined) return reason;
  const words = await nodes.read(loading.errorMessage).catch(() => ''); // an extra; the refusal stands without it
  return typeof words === 'string' && words !== '' ? `${reason}: ${words}` : reason;
}

/** Node ids are known; the file and its handle come from the device. */
async function generateFile(
  nodes: OpcUaNodeSpace,
  loading: LoadingNodes,
  version: keyof typeof softwareVersionFile,
): Promise<OpenFile> {
  const options = { type: 'Int32', value: softwareVersionFile[version] }; // enumerations travel as Int32
  const [nodeId, handle] = await nodes.call(loading.fileTransferId, loading.generateFileForWrite, [options]);
  if (typeof nodeId !== 'string' || typeof handle !== 'number') {
    throw new FrameError('no-temporary-file', 'GenerateFileForWrite gave no file node and handle', {
      data: { nodeId, handle },
    });
  }
  return { nodeId, handle, methods: await fileMethods(nodes, nodeId) };
}

async function transfer(
  nodes: OpcUaNodeSpace,
  file: OpenFile,
  bytes: Uint8Array,
  chunkBytes: number,
  progress: Progress,
): Promise<void> {
  try {
    await writeChunks(nodes, file, bytes, chunkBytes, progress);
  } catch (error) {
    // Closing instead of committing throws the temporary file away (OPC 10000-20 4.4.3).
    if (error instanceof DeviceException) await closeFile(nodes, file).catch(() => {});
    throw error;
  }
}

/** @returns the reason of a refusal, or undefined when the device took the file */
async function commit(
  nodes: OpcUaNodeSpace,
  loading: LoadingNodes,
  file: OpenFile,
  verifyWithinMs: number,
  progress: Progress,
): Promise<string | undefined> {
  const inputs = [{ type: 'UInt32', value: file.handle }];
  const options = { withinMs: verifyWithinMs };
  const [machine] = await nodes.call(loading.fileTransferId, loading.closeAndCommit, inputs, options);
  progress.complete = true;
  if (typeof machine !== 'string' || nullNodeIds.has(machine)) return undefined;
  return restOf(nodes, machine, verifyWithinMs);
}

/** Reads the completion state machine until it is idle or in error. */
async function restOf(nodes: OpcUaNodeSpace, machine: string, withinMs: number): Promise<string | undefined> {
  const rest = async (): Promise<string> => {
    const current = (await childOf(nodes, machine, 'CurrentState')).nodeId;
    return until(
      async () => {
        const text = String(await nodes.read(current));
        return text === 'Idle' || text === 'Error' ? text : undefined;
      },
      { withinMs, everyMs: pollEveryMs, what: 'the end of the file check' },
    );
  };
  const state = await rest().catch((error: unknown) => {
    // The machine and its nodes may go away once the transaction is over (OPC 10000-20 4.4.5).
    if (error instanceof DeviceException && error.data['status'] === 'BadNodeIdUnknown') return 'Idle';
    throw error;
  });
  return state === 'Error' ? 'the transfer ended in state Error' : undefined;
}

export interface InstallSettings {
  nodeId: string;
  manufacturerUri?: string | undefined;
  softwareRevision?: string | undefined;
  patchIdentifiers: readonly string[];
  /** Hex. */
  hash: string;
  withinMs: number;
}

/** InstallSoftwarePackage with the identity of the pending version, where the settings give none (OPC 10000-100 8.4). */
export async function installPackage(nodes: OpcUaNodeSpace, settings: InstallSettings): Promise<Answer> {
  const installation = (await childOf(nodes, settings.nodeId, 'Installation')).nodeId;
  const method = (await childOf(nodes, installation, 'InstallSoftwarePackage')).nodeId;
  const manufacturerUri =
    settings.manufacturerUri ?? (await pendingVersion(nodes, settings, 'ManufacturerUri'));
  const revision = settings.softwareRevision ?? (await pendingVersion(nodes, settings, 'SoftwareRevision'));
  return callForAnswer(nodes, installation, method, settings.withinMs, [
    { type: 'String', value: manufacturerUri },
    { type: 'String', value: revision },
    { type: 'String', value: settings.patchIdentifiers },
    { type: 'ByteString', value: settings.hash },
  ]);
}

async function pendingVersion(
  nodes: OpcUaNodeSpace,
  settings: InstallSettings,
  name: string,
): Promise<string> {
  const loading = (await childOf(nodes, settings.nodeId, 'Loading')).nodeId;
  const pending = (await nodes.browse(loading)).find((child) => child.browseName === 'PendingVersion');
  if (pending === undefined) return ''; // DirectLoading and FileSystemLoading keep none
  const property = (await nodes.browse(pending.nodeId)).find((child) => child.browseName === name);
  if (property === undefined) return '';
  const value = await nodes.read(property.nodeId);
  return typeof value === 'string' ? value : '';
}

/** Confirm: makes the installed version permanent (OPC 10000-100 8.4). */
export async function confirmUpdate(
  nodes: OpcUaNodeSpace,
  settings: { nodeId: string; withinMs: number },
): Promise<Answer> {
  const confirmation = (await childOf(nodes, settings.nodeId, 'Confirmation')).nodeId;
  const method = (await childOf(nodes, confirmation, 'Confirm')).nodeId;
  return callForAnswer(nodes, confirmation, method, settings.withinMs, []);
}

/** A method call whose end, good or bad, is the device's answer. */
export async function callForAnswer(
  nodes: OpcUaNodeSpace,
  objectId: string,
  methodId: string,
  withinMs: number,
  inputs: readonly { type: string; value: unknown }[],
  read: (outputs: readonly unknown[]) => Pick<Answer, 'kind' | 'reason'> = () => ({ kind: 'accepted' }),
): Promise<Answer> {
  await nodes.reach(objectId);
  const startedAtMs = monotonicMs();
  const answer = await nodes.call(objectId, methodId, inputs, { withinMs }).then(read, answerTo);
  return { ...answer, elapsedMs: monotonicMs() - startedAtMs };
}
