/**
 * Files of an OPC UA server through the methods of FileType, called directly.
 *
 * Source: OPC 10000-20 v1.05, 4.2 (FileType).
 */

import type { Delivery } from '../../harness/capabilities.ts';
import { BenchError, DeviceException, FrameError } from '../../harness/errors.ts';
import type { CallOptions, NodeChild } from './node-space.ts';
import type { TypedValue } from './values.ts';

/** What file transfer needs of a node space. */
export interface FileNodes {
  read(nodeId: string): Promise<unknown>;
  call(
    objectId: string,
    methodId: string,
    inputs: readonly TypedValue[],
    options?: CallOptions,
  ): Promise<unknown[]>;
  browse(nodeId: string): Promise<readonly NodeChild[]>;
}

/** Bits of the Open mode (4.2.2). */
const openMode = { read: 1, write: 2, eraseExisting: 4 } as const;

/** Methods of the type itself: a server must take them for objects whose own methods it does not show (Part 4 5.12.2). */
const typeMethods = { Open: 'i=11580', Close: 'i=11583', Read: 'i=11585', Write: 'i=11588' } as const;
type FileMethod = keyof typeof typeMethods;

const serverMaxByteString = 'i=12911'; // Server_ServerCapabilities_MaxByteStringLength
const presetChunkBytes = 32 * 1024;

/** An open file on the server. */
export interface OpenFile {
  nodeId: string;
  handle: number;
  methods: Readonly<Record<FileMethod, string>>;
}

/** How far a transfer got; kept up to date while it runs, so that it tells the truth after a failure too. */
export type Progress = Delivery;

export function noProgress(totalBytes: number): Progress {
  return { totalBytes, acknowledgedBytes: 0, complete: false };
}

/** The node ids of a file's methods: its own where it shows them, else those of FileType. */
export async function fileMethods(nodes: FileNodes, fileNodeId: string): Promise<OpenFile['methods']> {
  // A temporary file of an update need not be browsable at all.
  const children = await nodes.browse(fileNodeId).catch((error: unknown) => {
    if (error instanceof DeviceException) return [];
    throw error;
  });
  const find = (name: FileMethod): string =>
    children.find((child) => child.browseName === name && child.nodeClass === 'Method')?.nodeId ??
    typeMethods[name];
  return { Open: find('Open'), Close: find('Close'), Read: find('Read'), Write: find('Write') };
}

/**
 * Bytes for one Write: what is asked for, or 32 KiB, but no more than the server takes.
 *
 * @param asked the board file's word, which is obeyed
 */
export async function chunkSize(nodes: FileNodes, asked?: number): Promise<number> {
  if (asked !== undefined) return asked;
  const limit = await nodes.read(serverMaxByteString).catch((error: unknown) => {
    if (error instanceof DeviceException) return 0; // optional property
    throw error;
  });
  return typeof limit === 'number' && limit > 0 ? Math.min(limit, presetChunkBytes) : presetChunkBytes;
}

/** Writes all bytes in order from the file's position, keeping `progress`. */
export async function writeChunks(
  nodes: FileNodes,
  file: OpenFile,
  bytes: Uint8Array,
  chunkBytes: number,
  progress: Progress,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    await nodes.call(file.nodeId, file.methods.Write, [
      { type: 'UInt32', value: file.handle },
      { type: 'ByteString', value: chunk },
    ]);
    progress.acknowledgedBytes += chunk.length;
  }
}

export async function closeFile(nodes: FileNodes, file: OpenFile): Promise<void> {
  await nodes.call(file.nodeId, file.methods.Close, [{ type: 'UInt32', value: file.handle }]);
}

/**
 * Replaces the content of a file.
 *
 * @throws DeviceException, TimeoutError or PortError; `data.delivery` says how far it got
 */
export async function writeWholeFile(
  nodes: FileNodes,
  fileNodeId: string,
  bytes: Uint8Array,
  options: { chunkBytes?: number } = {},
): Promise<Delivery> {
  const progress = noProgress(bytes.length);
  try {
    const chunkBytes = await chunkSize(nodes, options.chunkBytes);
    const file = await open(nodes, fileNodeId, openMode.write | openMode.eraseExisting);
    await closingOnFailure(nodes, file, () => writeChunks(nodes, file, bytes, chunkBytes, progress));
    await closeFile(nodes, file);
    progress.complete = true;
    return progress;
  } catch (error) {
    throw withDelivery(error, progress);
  }
}

/** Reads a file from beginning to end. */
export async function readWholeFile(nodes: FileNodes, fileNodeId: string): Promise<Uint8Array> {
  const chunkBytes = await chunkSize(nodes);
  const file = await open(nodes, fileNodeId, openMode.read);
  const parts: Uint8Array[] = [];
  await closingOnFailure(nodes, file, async () => {
    for (;;) {
      const [part] = await nodes.call(file.nodeId, file.methods.Read, [
        { type: 'UInt32', value: file.handle },
        { type: 'Int32', value: chunkBytes },
      ]);
      if (!(part instanceof Uint8Array) || part.length === 0) return; // the end of the file
      parts.push(part);
    }
  });
  await closeFile(nodes, file);
  return Buffer.concat(parts);
}

async function open(nodes: FileNodes, fileNodeId: string, mode: number): Promise<OpenFile> {
  const methods = await fileMethods(nodes, fileNodeId);
  const [handle] = await nodes.call(fileNodeId, methods.Open, [{ type: 'Byte', value: mode }]);
  if (typeof handle !== 'number') {
    throw new FrameError(
      'no-file-handle',
      `opening ${fileNodeId} gave ${String(handle)} instead of a file handle`,
    );
  }
  return { nodeId: fileNodeId, handle, methods };
}

/** Servers hand out few handles: one that failed is given back. The failure itself is what counts. */
async function closingOnFailure(nodes: FileNodes, file: OpenFile, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DeviceException) await closeFile(nodes, file).catch(() => {});
    throw error;
  }
}

function withDelivery(error: unknown, delivery: Delivery): unknown {
  if (!(error instanceof BenchError)) return error;
  Object.assign(error, { data: { ...error.data, delivery } });
  return error;
}
