/**
 * The authenticated message of commands and telemetry: 32 bytes, big-endian.
 *
 * `u32 counter · u64 timestamp (UTC, ms) · u16 code · i16 value · 16 bytes HMAC-SHA256 over the first 16, left half`
 */

import { createHmac, timingSafeEqual } from 'node:crypto';

export const MESSAGE_BYTES = 32;
const FIELD = { counter: 0, timestamp: 4, code: 12, value: 14, mac: 16 } as const;

export const CODE = { setSetpoint: 1, addToSetpoint: 2, telemetry: 100 } as const;

export interface CommandMessage {
  counter: number;
  timestampMs: number;
  code: number;
  value: number;
}

export function encodeMessage(message: CommandMessage, key: Buffer): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  bytes.writeUInt32BE(message.counter, FIELD.counter);
  bytes.writeBigUInt64BE(BigInt(message.timestampMs), FIELD.timestamp);
  bytes.writeUInt16BE(message.code, FIELD.code);
  bytes.writeInt16BE(message.value, FIELD.value);
  macOf(bytes, key).copy(bytes, FIELD.mac);
  return bytes;
}

/** @param bytes MESSAGE_BYTES of them */
export function decodeMessage(bytes: Buffer): CommandMessage {
  return {
    counter: bytes.readUInt32BE(FIELD.counter),
    timestampMs: Number(bytes.readBigUInt64BE(FIELD.timestamp)),
    code: bytes.readUInt16BE(FIELD.code),
    value: bytes.readInt16BE(FIELD.value),
  };
}

export function hasRightMac(bytes: Buffer, key: Buffer): boolean {
  return timingSafeEqual(macOf(bytes, key), bytes.subarray(FIELD.mac, MESSAGE_BYTES));
}

function macOf(bytes: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes.subarray(0, FIELD.mac)).digest().subarray(0, 16);
}
