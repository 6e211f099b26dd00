/** The address space of the fake server: a device with variables, methods, a file and a software update. */

import type * as ServerModule from 'node-opcua-server';
import type { loadOpcUa } from '../library.ts';
import { imageLimitBytes, namespaceUri, type FakeServer, type Inside } from './fake-server.ts';

type Ua = ReturnType<typeof loadOpcUa>['ua'];

/** Adds the device; `trustUser`, `strict` and `stop` are filled in by the starter. */
export function populate(ua: Ua, server: ServerModule.OPCUAServer, port: number): FakeServer {
  const addressSpace = server.engine.addressSpace;
  if (addressSpace === null) throw new Error('the server has no address space');
  const space = addressSpace.registerNamespace(namespaceUri);
  const { DataType, StatusCodes, Variant } = ua;
  const inside: Inside = {
    file: Buffer.alloc(0),
    committed: [],
    writes: [],
    installed: [],
    confirmed: 0,
    commands: [],
  };
  let pressure = 1.5;
  let setpoint = 7;
  const fake: FakeServer = {
    port,
    inside,
    raise(source, message, severity = 800) {
      addressSpace.rootFolder.objects.server.raiseEvent('BaseEventType', {
        sourceName: { dataType: DataType.String, value: source },
        message: { dataType: DataType.LocalizedText, value: ua.coerceLocalizedText(message) },
        severity: { dataType: DataType.UInt16, value: severity },
      } as never);
    },
    setValue: (value) => void (pressure = value),
    trustUser: async () => {},
    strict: () => {},
    onCommit: () => undefined,
    asynchronous: false,
    errorMessage: '',
    stop: async () => {},
  };
  const device = space.addObject({
    browseName: 'Device',
    nodeId: 's=Device',
    organizedBy: addressSpace.rootFolder.objects,
  });
  type Getter = () => InstanceType<typeof Variant>;
  const variable = (
    name: string,
    dataType: string,
    get: Getter,
    set?: (variant: { value: number }) => void,
  ) =>
    space.addVariable({
      browseName: name,
      nodeId: `s=Device.${name}`,
      componentOf: device,
      dataType,
      minimumSamplingInterval: 20,
      accessLevel: set === undefined ? 'CurrentRead' : 'CurrentRead | CurrentWrite',
      value: {
        get,
        ...(set === undefined
          ? {}
          : {
              set: (variant: { value: number }) => {
                set(variant);
                return StatusCodes.Good;
              },
            }),
      },
    });
  variable('Version', 'String', () => new Variant({ dataType: DataType.String, value: '1.2.0' }));
  variable('Pressure', 'Double', () => new Variant({ dataType: DataType.Double, value: pressure }));
  variable(
    'Counter',
    'UInt64',
    () => new Variant({ dataType: DataType.UInt64, arrayType: ua.VariantArrayType.Scalar, value: [1, 2] }),
  );
  variable(
    'Digest',
    'ByteString',
    () => new Variant({ dataType: DataType.ByteString, value: Buffer.from('beef', 'hex') }),
  );
  variable(
    'Label',
    'LocalizedText',
    () => new Variant({ dataType: DataType.LocalizedText, value: ua.coerceLocalizedText('gateway') }),
  );
  variable(
    'Setpoint',
    'Int16',
    () => new Variant({ dataType: DataType.Int16, value: setpoint }),
    (variant) => (setpoint = variant.value),
  );

  type Answered = { statusCode: unknown; outputArguments?: unknown[] };
  type Body = (inputs: { value: unknown }[]) => Answered | Promise<Answered>;
  const method = (
    owner: typeof device,
    name: string,
    inputs: [string, string][],
    outputs: [string, string][],
    body: Body,
    nodeId?: string,
  ) => {
    const describe = ([argument, type]: [string, string]) => ({
      name: argument,
      dataType: type === 'BaseDataType' ? 'i=24' : DataType[type as 'String'],
      valueRank: -1,
    });
    const added = space.addMethod(owner, {
      browseName: name,
      ...(nodeId === undefined ? {} : { nodeId }),
      inputArguments: inputs.map(describe),
      outputArguments: outputs.map(describe),
    });
    added.bindMethod(async (given: { value: unknown }[], _context: unknown) => body(given));
    return added;
  };
  const good = (...outputs: [string, unknown][]): Answered => ({
    statusCode: StatusCodes.Good,
    outputArguments: outputs.map(([type, value]) => ({ dataType: DataType[type as 'String'], value })),
  });
  const bad = (name: string): Answered => ({
    statusCode: (StatusCodes as unknown as Record<string, unknown>)[name],
  });

  method(
    device,
    'SendCommand',
    [['Message', 'ByteString']],
    [['Result', 'UInt16']],
    ([message]) => {
      const bytes = message?.value as Buffer;
      inside.commands.push(bytes);
      return good(['UInt16', bytes[0] ?? 9]);
    },
    's=Device.SendCommand',
  );
  method(device, 'Refuse', [], [], () => bad('BadUserAccessDenied'), 's=Device.Refuse');
  method(
    device,
    'Hang',
    [['Milliseconds', 'UInt32']],
    [],
    async ([milliseconds]) => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds?.value as number));
      return good();
    },
    's=Device.Hang',
  );

  // A file: FileType's methods over one buffer.
  const file = space.addObject({ browseName: 'File', nodeId: 's=Device.File', componentOf: device });
  const open = new Map<number, { at: number; bytes: Buffer; mode: number }>();
  let nextHandle = 1;
  const openHandle = (mode: number, bytes: Buffer): number => {
    open.set(nextHandle, { at: 0, bytes, mode });
    return nextHandle++;
  };
  const write: Body = ([handle, data]) => {
    const stream = open.get(handle?.value as number);
    if (stream === undefined) return bad('BadInvalidArgument');
    const chunk = data?.value as Buffer;
    if (stream.bytes.length + chunk.length > imageLimitBytes) return bad('BadOutOfMemory');
    inside.writes.push(chunk.length);
    stream.bytes = Buffer.concat([stream.bytes, chunk]);
    return good();
  };
  method(file, 'Open', [['Mode', 'Byte']], [['FileHandle', 'UInt32']], ([mode]) => {
    const wanted = mode?.value as number;
    return good(['UInt32', openHandle(wanted, (wanted & 4) !== 0 ? Buffer.alloc(0) : inside.file)]);
  });
  method(
    file,
    'Write',
    [
      ['FileHandle', 'UInt32'],
      ['Data', 'ByteString'],
    ],
    [],
    write,
  );
  method(
    file,
    'Read',
    [
      ['FileHandle', 'UInt32'],
      ['Length', 'Int32'],
    ],
    [['Data', 'ByteString']],
    ([handle, length]) => {
      const stream = open.get(handle?.value as number);
      if (stream === undefined) return bad('BadInvalidArgument');
      const part = stream.bytes.subarray(stream.at, stream.at + (length?.value as number));
      stream.at += part.length;
      return good(['ByteString', part]);
    },
  );
  method(file, 'Close', [['FileHandle', 'UInt32']], [], ([handle]) => {
    const stream = open.get(handle?.value as number);
    if (stream === undefined) return bad('BadInvalidArgument');
    open.delete(handle?.value as number);
    if ((stream.mode & 2) !== 0) inside.file = stream.bytes;
    return good();
  });

  // SoftwareUpdate by its browse names (OPC 10000-100 9.2): the driver finds all else from here.
  const update = space.addObject({
    browseName: 'SoftwareUpdate',
    nodeId: 's=Device.SoftwareUpdate',
    componentOf: device,
  });
  const child = (owner: typeof device, name: string) =>
    space.addObject({ browseName: name, componentOf: owner });
  const loading = child(update, 'Loading');
  const transfer = child(loading, 'FileTransfer');
  const temporary = child(transfer, 'Temporary');
  method(
    temporary,
    'Write',
    [
      ['FileHandle', 'UInt32'],
      ['Data', 'ByteString'],
    ],
    [],
    write,
  );
  method(temporary, 'Close', [['FileHandle', 'UInt32']], [], ([handle]) => {
    open.delete(handle?.value as number);
    return good();
  });
  const machine = child(transfer, 'Completion');
  let machineState = 'Idle';
  space.addVariable({
    browseName: 'ErrorMessage',
    componentOf: loading,
    dataType: 'LocalizedText',
    value: {
      get: () =>
        new Variant({ dataType: DataType.LocalizedText, value: ua.coerceLocalizedText(fake.errorMessage) }),
    },
  });
  space.addVariable({
    browseName: 'CurrentState',
    componentOf: machine,
    dataType: 'LocalizedText',
    value: {
      get: () =>
        new Variant({ dataType: DataType.LocalizedText, value: ua.coerceLocalizedText(machineState) }),
    },
  });
  method(
    transfer,
    'GenerateFileForWrite',
    [['GenerateOptions', 'BaseDataType']],
    [
      ['FileNodeId', 'NodeId'],
      ['FileHandle', 'UInt32'],
    ],
    () => good(['NodeId', temporary.nodeId], ['UInt32', openHandle(2, Buffer.alloc(0))]),
  );
  method(
    transfer,
    'CloseAndCommit',
    [['FileHandle', 'UInt32']],
    [['CompletionStateMachine', 'NodeId']],
    ([handle]) => {
      const stream = open.get(handle?.value as number);
      if (stream === undefined) return bad('BadInvalidArgument');
      open.delete(handle?.value as number);
      const refusal = fake.onCommit(stream.bytes);
      if (!fake.asynchronous) {
        if (refusal !== undefined) return bad(refusal);
        inside.committed.push(stream.bytes);
        return good(['NodeId', new ua.NodeId()]);
      }
      machineState = 'ApplyWrite';
      setTimeout(() => {
        machineState = refusal === undefined ? 'Idle' : 'Error';
        if (refusal === undefined) inside.committed.push(stream.bytes);
      }, 120);
      return good(['NodeId', machine.nodeId]);
    },
  );
  const pending = child(loading, 'PendingVersion');
  for (const [name, value] of [
    ['ManufacturerUri', 'urn:maker'],
    ['SoftwareRevision', '1.3.0'],
  ] as const) {
    space.addVariable({
      browseName: name,
      propertyOf: pending,
      dataType: 'String',
      value: { get: () => new Variant({ dataType: DataType.String, value }) },
    });
  }
  const installation = child(update, 'Installation');
  const installMethod = space.addMethod(installation, {
    browseName: 'InstallSoftwarePackage',
    inputArguments: [
      { name: 'ManufacturerUri', dataType: DataType.String, valueRank: -1 },
      { name: 'SoftwareRevision', dataType: DataType.String, valueRank: -1 },
      { name: 'PatchIdentifiers', dataType: DataType.String, valueRank: 1 },
      { name: 'Hash', dataType: DataType.ByteString, valueRank: -1 },
    ] as never,
    outputArguments: [],
  });
  installMethod.bindMethod(async (given: { value: unknown }[], _context: unknown) => {
    inside.installed.push(given.map((input) => input.value));
    return good();
  });
  const confirmation = child(update, 'Confirmation');
  method(confirmation, 'Confirm', [], [], () => {
    inside.confirmed += 1;
    return good();
  });

  return fake;
}
