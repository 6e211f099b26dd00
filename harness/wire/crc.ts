/** Cyclic redundancy checks of 16 bits, table-driven: one look-up per byte. */

/** CRC-16/MODBUS: polynomial 0x8005 reflected (0xA001), start 0xFFFF, no final XOR. Source: Modbus over Serial Line V1.02, 6.2.2 */
const MODBUS = { reflected: 0xa001, start: 0xffff } as const;

/** CRC-16/XMODEM: polynomial 0x1021, not reflected, start 0, no final XOR. Source: YMODEM.DOC (Forsberg, 1988), "CRC-16 Option" */
const XMODEM = { polynomial: 0x1021, start: 0 } as const;

const modbusTable = tableOf((byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ MODBUS.reflected : crc >>> 1;
  return crc;
});

const xmodemTable = tableOf((byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ XMODEM.polynomial : crc << 1;
  return crc & 0xffff;
});

function tableOf(entry: (byte: number) => number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => entry(byte));
}

/**
 * CRC-16/MODBUS. On an RTU line its low byte goes first.
 *
 * @param bytes what is covered
 * @param start first byte covered (default 0)
 * @param end one past the last byte covered (default all)
 * @returns 16 bits, unsigned
 * @example crc16Modbus(Buffer.from('123456789')) === 0x4b37
 */
export function crc16Modbus(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc: number = MODBUS.start;
  for (let at = start; at < end; at += 1) {
    crc = (crc >>> 8) ^ modbusTable[(crc ^ bytes[at]!) & 0xff]!;
  }
  return crc;
}

/**
 * CRC-16/XMODEM, as YMODEM and XMODEM-CRC use it. On the line its high byte goes first.
 *
 * @param bytes what is covered
 * @param start first byte covered (default 0)
 * @param end one past the last byte covered (default all)
 * @returns 16 bits, unsigned
 * @example crc16Xmodem(Buffer.from('123456789')) === 0x31c3
 */
export function crc16Xmodem(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc: number = XMODEM.start;
  for (let at = start; at < end; at += 1) {
    crc = ((crc << 8) & 0xffff) ^ xmodemTable[((crc >>> 8) ^ bytes[at]!) & 0xff]!;
  }
  return crc;
}
