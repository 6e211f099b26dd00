/** Function 43/14, Read Device Identification. Source: MODBUS Application Protocol V1.1b3, 6.21. */

import { ModbusException, EXCEPTION } from './modbus-pdu.ts';

const MEI_TYPE = 14;
/** Extended identification, stream and individual access. */
const CONFORMITY = 0x83;
const INDIVIDUAL = 4;
/** Highest object id of each category: basic, regular, extended. */
const LAST_OBJECT: Readonly<Record<number, number>> = { 1: 0x02, 2: 0x7f, 3: 0xff };

const OBJECTS: readonly (readonly [number, string])[] = [
  [0x00, 'Fieldproof Reference Devices'],
  [0x01, 'SG-1'],
  [0x02, '1.0'],
  [0x03, 'https://github.com/fieldproof'],
  [0x04, 'SG-1 simulated gateway'],
  [0x05, 'SG-1'],
  [0x06, 'Modbus server'],
  [0x80, 'SG1-000042'],
  [0x81, 'C'],
];

/** @param data MEI type, kind of access, first object */
export function deviceIdentification(data: Buffer): Buffer {
  const [mei, access = 0, first = 0] = data;
  if (mei !== MEI_TYPE) throw new ModbusException(EXCEPTION.function);
  if (data.length !== 3) throw new ModbusException(EXCEPTION.value);
  const objects = access === INDIVIDUAL ? OBJECTS.filter(([id]) => id === first) : inCategory(access, first);
  if (objects.length === 0) throw new ModbusException(EXCEPTION.address);
  const list = objects.map(([id, text]) => Buffer.concat([Buffer.of(id, text.length), Buffer.from(text)]));
  const moreFollows = 0;
  return Buffer.concat([Buffer.of(MEI_TYPE, access, CONFORMITY, moreFollows, 0, objects.length), ...list]);
}

/** Starts over at the first object when the one asked for is not there, as 6.21 has it. */
function inCategory(access: number, first: number): readonly (readonly [number, string])[] {
  const last = LAST_OBJECT[access];
  if (last === undefined) throw new ModbusException(EXCEPTION.value);
  const known = OBJECTS.some(([id]) => id === first && id <= last);
  return OBJECTS.filter(([id]) => id <= last && (!known || id >= first));
}
