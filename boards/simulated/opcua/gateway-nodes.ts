/**
 * The object `Gateway` with its variables and the method that takes authenticated commands.
 */

import { type DeviceLink } from './device-link.ts';
import { type GatewayState } from './ipc.ts';
import { type DataTypeName, type NodeBuilder } from './node-builder.ts';
import { type UAObject } from './node-opcua.ts';

const baseObjectType = 'i=58';

/** A verdict on a command comes at once; the write of the counter to flash is all that it waits for. */
const commandWithinMs = 5_000;

interface Row {
  name: string;
  dataType: DataTypeName;
  read: (state: GatewayState) => unknown;
}

const rows: Row[] = [
  { name: 'Version', dataType: 'String', read: (state) => state.version },
  { name: 'Digest', dataType: 'String', read: (state) => state.digest },
  { name: 'SecurityCounter', dataType: 'UInt32', read: (state) => state.securityCounter },
  { name: 'Confirmation', dataType: 'String', read: (state) => state.confirmation },
  { name: 'ProcessValue', dataType: 'Double', read: (state) => state.processValue },
  { name: 'Setpoint', dataType: 'Int16', read: (state) => state.setpoint },
  { name: 'Effects', dataType: 'UInt32', read: (state) => state.effects },
  { name: 'ActiveAlarms', dataType: 'UInt16', read: (state) => state.activeAlarms },
  { name: 'AlarmSequence', dataType: 'UInt32', read: (state) => state.alarmSequence },
];

export function addGateway(builder: NodeBuilder, device: DeviceLink): UAObject {
  const gateway = builder.object('Gateway', 'objects', 'gateway', baseObjectType);
  for (const { name, dataType, read } of rows) builder.follow(`Gateway.${name}`, gateway, { dataType }, read);
  // As Modbus holding register 1: a place to write to that changes nothing.
  builder.constant('Gateway.Scratch', gateway, { dataType: 'UInt16', writable: true }, 0);
  builder.method('Gateway.SendCommand', gateway, 'gateway', {
    inputs: [{ name: 'Message', dataType: 'ByteString' }],
    outputs: [{ name: 'Result', dataType: 'UInt16' }],
    run: async ([message]) => {
      const bytes = Buffer.isBuffer(message) ? message : Buffer.alloc(0);
      const { ok, result } = await device.call(
        { what: 'send-command', message: bytes.toString('base64') },
        commandWithinMs,
      );
      if (!ok || result === undefined) return { status: 'BadInternalError' };
      return { status: 'Good', outputs: [{ dataType: 'UInt16', value: result }] };
    },
  });
  return gateway;
}
