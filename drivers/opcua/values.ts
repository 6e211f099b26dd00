/** OPC UA values to JavaScript values and back. */

import type { DataType, Variant, VariantOptions } from 'node-opcua-client';
import { DriverError } from '../../harness/errors.ts';
import type { OpcUaLibrary } from './library.ts';

/** A value with its OPC UA built-in type, as board files and adapters write it. */
export interface TypedValue {
  type: string;
  value: unknown;
}

/**
 * A variant as a JavaScript value: text for LocalizedText, QualifiedName, NodeId, Guid and StatusCode; a number for
 * 64-bit integers, or a bigint beyond 2^53; Uint8Array for ByteString; arrays as arrays.
 */
export function plainValue(library: OpcUaLibrary, variant: Variant): unknown {
  const { ua } = library;
  const wide = variant.dataType === ua.DataType.UInt64 || variant.dataType === ua.DataType.Int64;
  if (!wide) return plain(library, variant.value);
  const signed = variant.dataType === ua.DataType.Int64;
  if (variant.arrayType === ua.VariantArrayType.Scalar)
    return wideNumber(variant.value as [number, number], signed);
  return Array.from(variant.value as Iterable<[number, number]>, (pair) => wideNumber(pair, signed));
}

function plain(library: OpcUaLibrary, value: unknown): unknown {
  const { ua } = library;
  if (value === undefined || value === null) return null;
  if (value instanceof ua.Variant) return plainValue(library, value);
  if (value instanceof ua.LocalizedText) return value.text ?? '';
  if (value instanceof ua.QualifiedName) return value.name ?? '';
  if (value instanceof ua.NodeId) return value.toString();
  if (value instanceof ua.StatusCode) return value.name;
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<number>);
  if (Array.isArray(value)) return value.map((item) => plain(library, item));
  return value;
}

/** node-opcua keeps 64-bit integers as [high, low] pairs of unsigned 32 bits. */
function wideNumber([high, low]: readonly [number, number], signed: boolean): number | bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const value = signed ? BigInt.asIntN(64, bits) : bits;
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

/**
 * A variant for writing or calling.
 *
 * @throws DriverError for an unknown type, or a value that the type cannot hold
 */
export function toVariant({ ua }: OpcUaLibrary, { type, value }: TypedValue): VariantOptions {
  const dataType = (ua.DataType as unknown as Record<string, DataType | undefined>)[type];
  if (dataType === undefined || typeof dataType !== 'number') {
    const known = Object.keys(ua.DataType).filter((name) => /^[A-Z]/.test(name));
    throw new DriverError('unknown-type', `OPC UA has no built-in type ${type}; it has ${known.join(', ')}`);
  }
  if (Array.isArray(value)) {
    return {
      dataType,
      arrayType: ua.VariantArrayType.Array,
      value: value.map((item: unknown) => convert(ua, type, item)),
    };
  }
  return { dataType, arrayType: ua.VariantArrayType.Scalar, value: convert(ua, type, value) };
}

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  SByte: [-(2n ** 7n), 2n ** 7n - 1n],
  Byte: [0n, 2n ** 8n - 1n],
  Int16: [-(2n ** 15n), 2n ** 15n - 1n],
  UInt16: [0n, 2n ** 16n - 1n],
  Int32: [-(2n ** 31n), 2n ** 31n - 1n],
  UInt32: [0n, 2n ** 32n - 1n],
  Int64: [-(2n ** 63n), 2n ** 63n - 1n],
  UInt64: [0n, 2n ** 64n - 1n],
};

function convert(ua: OpcUaLibrary['ua'], type: string, value: unknown): unknown {
  const range = ranges[type];
  if (range !== undefined) return toInteger(type, value, range);
  switch (type) {
    case 'ByteString':
      return toBytes(value);
    case 'String':
    case 'Guid':
      if (value !== null && typeof value !== 'string') throw unfit(type, value);
      return value;
    case 'Boolean':
      if (typeof value !== 'boolean') throw unfit(type, value);
      return value;
    case 'Float':
    case 'Double':
      if (typeof value !== 'number') throw unfit(type, value);
      return value;
    case 'DateTime': {
      const date = value instanceof Date ? value : new Date(String(value));
      if (Number.isNaN(date.getTime())) throw unfit(type, value);
      return date;
    }
    case 'LocalizedText':
      return typeof value === 'string' ? { text: value } : value;
    case 'QualifiedName':
      return typeof value === 'string' ? ua.coerceQualifiedName(value) : value;
    case 'NodeId':
      return typeof value === 'string' ? ua.coerceNodeId(value) : value;
    default:
      return value;
  }
}

function toInteger(
  type: string,
  value: unknown,
  [least, most]: readonly [bigint, bigint],
): number | [number, number] {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  const text = typeof value === 'string' && /^-?\d+$/.test(value);
  if (!whole && !text) throw unfit(type, value);
  const number = BigInt(value);
  if (number < least || number > most) throw unfit(type, value);
  if (!type.endsWith('64')) return Number(number);
  const bits = BigInt.asUintN(64, number);
  return [Number(bits >> 32n), Number(bits & 0xffffffffn)];
}

function toBytes(value: unknown): Buffer | null {
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
  if (typeof value === 'string' && /^([0-9a-f]{2})*$/i.test(value)) return Buffer.from(value, 'hex');
  throw unfit('ByteString', value);
}

function unfit(type: string, value: unknown): DriverError {
  const shown = typeof value === 'bigint' ? `${value}` : (JSON.stringify(value) ?? typeof value);
  return new DriverError('unfit-value', `${shown} is no ${type}`, {
    hint: type === 'ByteString' ? 'Write bytes as hex, two digits each.' : 'Correct the value, or its type.',
  });
}
