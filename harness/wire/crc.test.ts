import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { crc16Modbus, crc16Xmodem } from './crc.ts';

describe('CRC of 16 bits', () => {
  const check = Buffer.from('123456789');

  it('matches the published check values', () => {
    // Check values of the CRC catalogue for the string "123456789".
    assert.equal(crc16Modbus(check), 0x4b37);
    assert.equal(crc16Xmodem(check), 0x31c3);
  });

  it('matches the frame printed in Modbus over Serial Line V1.02, appendix B (02 07, CRC 41 12 on the line)', () => {
    assert.equal(crc16Modbus(Buffer.from('0207', 'hex')), 0x1241);
  });

  it('covers the range asked for and nothing else', () => {
    const padded = Buffer.from('xx123456789yy');
    assert.equal(crc16Modbus(padded, 2, 11), 0x4b37);
    assert.equal(crc16Xmodem(padded, 2, 11), 0x31c3);
  });

  it('starts from the start value for no bytes', () => {
    assert.equal(crc16Modbus(Buffer.alloc(0)), 0xffff);
    assert.equal(crc16Xmodem(Buffer.alloc(0)), 0);
  });
});
