import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { bytesSource } from '../byte-source.ts';
import { cpioSum, encodeCpioEntry, scanCpio } from './cpio.ts';

// printf 'hello\n' > a.txt; printf 'a.txt\n' | cpio -o -H crc --reproducible (GNU cpio 2.13, 2026-11-22), without the
// zeros that fill its last block.
const captured =
  '07070200000000000081A40000000000000000000000016B02E0C60000000600000000000000000000000000000000000000060000021E' +
  'a.txt\0hello\n\0\0' +
  '07070200000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000B00000000' +
  'TRAILER!!!\0\0\0\0';

describe('cpio archives', () => {
  it('are read as GNU cpio writes them', () => {
    const bytes = Buffer.from(captured, 'latin1');
    const { entries, trailer, end, issues } = scanCpio(bytesSource(bytes));
    assert.deepEqual(issues, []);
    assert.equal(entries.length, 1);
    const [entry] = entries;
    assert.equal(entry?.name, 'a.txt');
    assert.equal(entry.fields.mode, 0o100644);
    assert.equal(bytes.subarray(entry.dataStart, entry.dataEnd).toString(), 'hello\n');
    assert.equal(entry.fields.check, cpioSum(Buffer.from('hello\n')));
    assert.equal(entry.end, trailer?.start);
    assert.equal(end, bytes.length);
  });

  it('are written as they are read', () => {
    const data = Buffer.from('seven b');
    const bytes = Buffer.concat([encodeCpioEntry('n', data), encodeCpioEntry('TRAILER!!!', Buffer.alloc(0))]);
    const { entries, issues } = scanCpio(bytesSource(bytes));
    assert.deepEqual(issues, []);
    assert.equal(bytes.length % 4, 0);
    assert.deepEqual(bytes.subarray(entries[0]?.dataStart, entries[0]?.dataEnd), data);
  });

  it('say what is wrong, and where', () => {
    const entry = encodeCpioEntry('name', Buffer.from('data'));
    const issuesOf = (bytes: Uint8Array): string[] =>
      scanCpio(bytesSource(bytes)).issues.map(({ code }) => code);
    const field = (fields: Parameters<typeof encodeCpioEntry>[2]): Buffer =>
      encodeCpioEntry('name', Buffer.from('data'), fields);
    assert.deepEqual(issuesOf(entry), ['truncated'], 'no trailer');
    assert.deepEqual(issuesOf(Buffer.from('not an archive'.repeat(10))), ['magic']);
    assert.deepEqual(issuesOf(field({ fields: { namesize: 0 } })), ['cpio-name']);
    assert.deepEqual(issuesOf(field({ fields: { namesize: 0xffffffff } })), ['cpio-name']);
    assert.deepEqual(issuesOf(field({ fields: { namesize: 4 } })).at(0), 'cpio-name');
    assert.deepEqual(issuesOf(field({ fields: { filesize: 0xffffffff } })), ['truncated', 'truncated']);
    const letters = Buffer.from(entry);
    letters.write('-0000001', 6 + 6 * 8);
    assert.deepEqual(issuesOf(letters), ['cpio-number']);
    assert.deepEqual(issuesOf(Buffer.concat(Array<Buffer>(5000).fill(entry))), ['cpio-many']);
  });
});
