/** The input registers, as the datasheet's table has them. */

import { ALARM_OBJECTS } from './alarms.ts';
import { type Gateway } from './gateway.ts';
import { REFUSALS } from './mcuboot-image.ts';
import { type UpdateState } from './updater.ts';

export const TELEMETRY = { first: 60, registers: 16 } as const;

const UPDATE_STATE: Readonly<Record<UpdateState, number>> = {
  idle: 0,
  receiving: 1,
  verified: 2,
  refused: 3,
  verifying: 4,
};

/** @param telemetry the message that registers 60 to 75 show @returns value by address */
export function inputRegisters(gateway: Gateway, telemetry: Buffer): ReadonlyMap<number, number> {
  const registers = new Map<number, number>();
  const put = (address: number, ...values: number[]): void =>
    values.forEach((value, index) => registers.set(address + index, value));
  const { running, updater, commands, log } = gateway;
  if (running !== undefined) {
    const { major, minor, revision, build } = running.version;
    put(0, major, minor, revision, ...u32(build));
    put(8, ...words(Buffer.from(running.digest, 'hex')));
  }
  put(5, ...u32(gateway.floor.value));
  put(7, updater.confirmation === 'trial' ? 1 : 0);
  put(24, ...u32(gateway.process.milliBar), ...u32(Math.floor(gateway.uptimeMs / 1000)));
  put(28, ...alarmRegisters(gateway));
  put(32, ...u32(log.latest));
  put(40, commands.lastResult, ...u32(commands.lastCounter), ...u32(commands.effects));
  const reason = updater.reason === undefined ? 0 : REFUSALS.indexOf(updater.reason) + 1;
  put(50, UPDATE_STATE[updater.state], reason, ...u32(updater.received));
  put(TELEMETRY.first, ...words(telemetry));
  return registers;
}

/** Active bits, sequence of the last alarm, its object. */
function alarmRegisters(gateway: Gateway): number[] {
  const { alarms, defects } = gateway;
  if (defects.has('silent-on-modbus')) return [0, 0, 0, 0];
  const object = alarms.last === undefined ? 0 : ALARM_OBJECTS.indexOf(alarms.last.object) + 1;
  return [alarms.activeBits, ...u32(alarms.sequence), object];
}

function u32(value: number): [number, number] {
  return [(value >>> 16) & 0xffff, value & 0xffff];
}

function words(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_unused, index) => bytes.readUInt16BE(2 * index));
}
