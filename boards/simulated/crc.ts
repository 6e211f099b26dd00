/** The two 16-bit checks of this device's wires. */

/** Modbus RTU: reflected 0xA001, seed 0xFFFF. Source: MODBUS over Serial Line V1.02, 6.2.2. */
export function crc16Modbus(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** XMODEM and YMODEM: 0x1021, seed 0. Source: C. Forsberg, XMODEM/YMODEM Protocol Reference, 1988, chapter 10. */
export function crc16Xmodem(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x1021) & 0xffff;
    crc &= 0xffff;
  }
  return crc;
}
