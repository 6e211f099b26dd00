/**
 * Motorola S-records: a file as lines of hexadecimal text, each with its address and its checksum.
 *
 * Source: Motorola M68000 Family Programmer's Reference Manual, appendix C (S-record output format): type, count of the bytes behind it, address, data, and the ones'
 * complement of the low byte of the sum of count, address and data.
 */

import { DriverError } from '../../harness/errors.ts';

export type AddressBytes = 2 | 3 | 4;

/** Types by width of the address: data, and the end with the address at which to start. */
const TYPES: Readonly<Record<AddressBytes, { data: number; end: number }>> = {
  2: { data: 1, end: 9 },
  3: { data: 2, end: 8 },
  4: { data: 3, end: 7 },
};
/** What one byte can count, less one for the checksum. */
const MOST_BYTES = 254;

export interface RecordLayout {
  addressBytes: AddressBytes;
  /** Address of the first byte of the file. */
  baseAddress: number;
  /** Bytes of the file in one record. */
  recordBytes: number;
}

export interface DataRecord {
  line: string;
  fileBytes: number;
}

/**
 * One line, without its ending.
 *
 * @param address written in `addressBytes`, high byte first
 */
export function record(type: number, addressBytes: number, address: number, data: Uint8Array): string {
  const counted = Buffer.alloc(1 + addressBytes + data.length);
  counted.writeUInt8(addressBytes + data.length + 1, 0);
  counted.writeUIntBE(address, 1, addressBytes);
  counted.set(data, 1 + addressBytes);
  const sum = counted.reduce((total, byte) => total + byte, 0);
  const checksum = Buffer.of(~sum & 0xff);
  return `S${type}${Buffer.concat([counted, checksum]).toString('hex').toUpperCase()}`;
}

/** S0: what the file is called. Its address is 0. */
export function headerRecord(name: string): string {
  return record(0, 2, 0, Buffer.from(name, 'utf8').subarray(0, 64));
}

/** S7, S8 or S9: no more records come. */
export function endRecord({ addressBytes, baseAddress }: RecordLayout): string {
  return record(TYPES[addressBytes].end, addressBytes, baseAddress, Buffer.alloc(0));
}

/**
 * The file in S3, S2 or S1 records, in order of address.
 *
 * @throws DriverError when the file does not fit below the highest address, or a record is too long for its count
 */
export function* dataRecords(file: Uint8Array, layout: RecordLayout): Generator<DataRecord> {
  const { addressBytes, baseAddress, recordBytes } = layout;
  if (baseAddress + file.length > 256 ** addressBytes) {
    throw new DriverError(
      'address-too-high',
      `${file.length} bytes from 0x${baseAddress.toString(16)} on do not fit into addresses of ${addressBytes} bytes`,
      { hint: 'Set addressBytes: 4, or a lower baseAddress.' },
    );
  }
  if (recordBytes + addressBytes > MOST_BYTES) {
    throw new DriverError(
      'record-too-long',
      `${recordBytes} bytes of data and ${addressBytes} of address do not fit into a record`,
      { hint: `Set recordBytes to ${MOST_BYTES - addressBytes} or less.` },
    );
  }
  for (let at = 0; at < file.length; at += recordBytes) {
    const data = file.subarray(at, at + recordBytes);
    const line = record(TYPES[addressBytes].data, addressBytes, baseAddress + at, data);
    yield { line, fileBytes: data.length };
  }
}
