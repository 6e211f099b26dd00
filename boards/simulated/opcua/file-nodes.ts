/**
 * `FileTransfer`: the methods through which a client writes a temporary file and commits it.
 *
 * Source: OPC 10000-20 (File Transfer), 1.05, 4.4 (TemporaryFileTransferType) and 4.2 (FileType). The temporary file
 * is not browsable (4.4.1); its node id is `s=Gateway.SoftwareUpdate.Loading.FileTransfer.File`.
 */

import { type DeviceLink } from './device-link.ts';
import { type FileTransaction } from './file-transaction.ts';
import { type ArgumentSpec, type NodeBuilder, type Outcome, type StatusName } from './node-builder.ts';
import { type Library, type OPCUAServer, type UAObject } from './node-opcua.ts';

const temporaryFileTransferType = 'i=15744';
const fileType = 'i=11575';
const durationType = 'i=290';
const baseDataType = 'i=24';

/** Largest file that is taken; the device judges whether an image fits its slot. */
export const maximumFileBytes = 1024 * 1024;

const maximumNameLength = 128;

/** SoftwareVersionFileType.Pending. Source: OPC 10000-100, 8.5.1. */
const pendingVersion = 1;

const generateMethods: ReadonlySet<string> = new Set(
  ['GenerateFileForWrite', 'GenerateFileForRead'].map(
    (name) => `Gateway.SoftwareUpdate.Loading.FileTransfer.${name}`,
  ),
);

export interface CommittedFile {
  name: string;
  bytes: Buffer;
}

export interface TemporaryFileParts {
  builder: NodeBuilder;
  device: DeviceLink;
  transaction: FileTransaction;
  /** ClientProcessingTimeout: after this long without a call the temporary file is dropped. */
  times: { stalledAfterMs: number };
  /** Judges a complete file; its status is the answer to CloseAndCommit. */
  commit: (file: CommittedFile) => Promise<StatusName>;
}

const handle: ArgumentSpec = { name: 'FileHandle', dataType: 'UInt32' };

export function addTemporaryFile(path: string, loading: UAObject, parts: TemporaryFileParts): void {
  const { builder, times } = parts;
  const transfer = builder.object(path, loading, 'devices', temporaryFileTransferType);
  const timeout = {
    dataType: 'Double',
    declaredType: durationType,
    owner: 'standard',
    isProperty: true,
  } as const;
  builder.constant(`${path}.ClientProcessingTimeout`, transfer, timeout, times.stalledAfterMs);
  const file = addFile(`${path}.File`, parts);
  addGenerate(path, transfer, file, parts);
  builder.method(`${path}.CloseAndCommit`, transfer, 'standard', {
    inputs: [handle],
    outputs: [{ name: 'CompletionStateMachine', dataType: 'NodeId' }],
    run: ([fileHandle], session) => closeAndCommit(fileHandle as number, session, parts),
  });
}

function addGenerate(
  path: string,
  transfer: UAObject,
  file: UAObject,
  { builder, transaction }: TemporaryFileParts,
): void {
  const inputs = [{ name: 'GenerateOptions', dataType: baseDataType }];
  const outputs = [{ name: 'FileNodeId', dataType: 'NodeId' }, handle];
  builder.method(`${path}.GenerateFileForWrite`, transfer, 'standard', {
    inputs,
    outputs,
    run: ([options], session) => {
      const name = nameOf(options);
      if (name === null) return { status: 'BadInvalidArgument' };
      const fileHandle = transaction.begin(session, name);
      if (fileHandle === null) return { status: 'BadResourceUnavailable' };
      return {
        status: 'Good',
        outputs: [
          { dataType: 'NodeId', value: file.nodeId },
          { dataType: 'UInt32', value: fileHandle },
        ],
      };
    },
  });
  // "Bad_NotSupported: if the device does not support to upload" (OPC 10000-100, 8.4.3.3.1)
  builder.method(`${path}.GenerateFileForRead`, transfer, 'standard', {
    inputs,
    outputs: [...outputs, { name: 'CompletionStateMachine', dataType: 'NodeId' }],
    run: () => ({ status: 'BadNotSupported' }),
  });
}

/**
 * What the options call the file: nothing or SoftwareVersionFileType.Pending (1), the only version that cached
 * loading lets a client write (OPC 10000-100, 8.4.5.2); a text is taken as the file's name. `null` is a refusal.
 */
function nameOf(options: unknown): string | null {
  if (options === pendingVersion) return 'pending';
  if (typeof options !== 'string' || options.length > maximumNameLength) return null;
  return options;
}

/**
 * Lets a client pass Null as options, as it must when their type is BaseDataType (OPC 10000-20, 4.4.4). node-opcua
 * 2.182.2 answers Bad_TypeMismatch (node-opcua-address-space, dist/api/helpers/argument_list.js:162: Null has no
 * data type node); here Null becomes what it stands for before it is looked at.
 */
export function acceptNullOptions(library: Library, server: OPCUAServer): void {
  const { CallRequest, DataType, Variant } = library.ua;
  server.on('request', (request) => {
    if (!(request instanceof CallRequest)) return;
    for (const { methodId, inputArguments } of request.methodsToCall ?? []) {
      const first = inputArguments?.[0];
      if (!generateMethods.has(String(methodId.value)) || first?.dataType !== DataType.Null) continue;
      inputArguments?.splice(0, 1, new Variant({ dataType: DataType.Int32, value: pendingVersion }));
    }
  });
}

async function closeAndCommit(
  fileHandle: number,
  session: string,
  parts: TemporaryFileParts,
): Promise<Outcome> {
  const file = parts.transaction.commit(session, fileHandle);
  if (typeof file === 'string') {
    return { status: file };
  }
  const status = await parts.commit(file);
  if (status !== 'Good') return { status };
  // null: the file has been judged already, no state machine goes on (OPC 10000-20, 4.4.5)
  return { status, outputs: [{ dataType: 'NodeId', value: 'i=0' }] };
}

function addFile(path: string, parts: TemporaryFileParts): UAObject {
  const { builder, transaction } = parts;
  const file = builder.object(path, null, 'standard', fileType);
  const property = { owner: 'standard', isProperty: true } as const;
  const size = builder.constant(`${path}.Size`, file, { ...property, dataType: 'UInt64' }, [0, 0]);
  const openCount = builder.constant(`${path}.OpenCount`, file, { ...property, dataType: 'UInt16' }, 0);
  builder.constant(`${path}.Writable`, file, { ...property, dataType: 'Boolean' }, true);
  builder.constant(`${path}.UserWritable`, file, { ...property, dataType: 'Boolean' }, true);
  const refresh = (): void => {
    builder.set(size, 'UInt64', [0, transaction.sizeBytes]);
    builder.set(openCount, 'UInt16', transaction.openCount);
  };
  addWriting(path, file, parts, refresh);
  addPosition(path, file, parts);
  return file;
}

function addWriting(
  path: string,
  file: UAObject,
  { builder, device, transaction }: TemporaryFileParts,
  refresh: () => void,
): void {
  builder.method(`${path}.Write`, file, 'standard', {
    inputs: [handle, { name: 'Data', dataType: 'ByteString' }],
    run: ([fileHandle, data], session) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
      const status = transaction.write(session, fileHandle as number, bytes);
      if (status === 'BadOutOfMemory') {
        device.log({ event: 'update-refused', object: 'firmware', result: 'refused', text: 'size' });
      }
      refresh();
      return { status };
    },
  });
  builder.method(`${path}.Close`, file, 'standard', {
    inputs: [handle],
    run: ([fileHandle], session) => {
      const status = transaction.close(session, fileHandle as number);
      refresh();
      return { status };
    },
  });
  builder.method(`${path}.Open`, file, 'standard', {
    inputs: [{ name: 'Mode', dataType: 'Byte' }],
    outputs: [handle],
    run: () => ({ status: 'BadNotWritable' }),
  });
  builder.method(`${path}.Read`, file, 'standard', {
    inputs: [handle, { name: 'Length', dataType: 'Int32' }],
    outputs: [{ name: 'Data', dataType: 'ByteString' }],
    run: () => ({ status: 'BadInvalidState' }),
  });
}

function addPosition(path: string, file: UAObject, { builder, transaction }: TemporaryFileParts): void {
  const position: ArgumentSpec = { name: 'Position', dataType: 'UInt64' };
  builder.method(`${path}.GetPosition`, file, 'standard', {
    inputs: [handle],
    outputs: [position],
    run: ([fileHandle], session) => {
      const bytes = transaction.position(session, fileHandle as number);
      if (bytes === null) return { status: 'BadInvalidArgument' };
      return { status: 'Good', outputs: [{ dataType: 'UInt64', value: [0, bytes] }] };
    },
  });
  builder.method(`${path}.SetPosition`, file, 'standard', {
    inputs: [handle, position],
    run: ([fileHandle, to], session) => {
      // node-opcua gives a UInt64 as [high, low]
      const [high, low] = to as [number, number];
      return { status: transaction.seek(session, fileHandle as number, high * 2 ** 32 + low) };
    },
  });
}
