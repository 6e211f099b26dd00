import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ReadlineParser } from '@serialport/parser-readline';
import { LineSplitter } from './line-splitter.ts';

const splitter = (maxLineBytes = 4096, delimiter: '\n' | '\r' = '\n'): LineSplitter =>
  new LineSplitter({ maxLineBytes, delimiter });
const texts = (lines: readonly { text: string }[]): string[] => lines.map((line) => line.text);

describe('line splitter', () => {
  it('gives each line at once, empty ones too, whatever the bursts', () => {
    const whole = 'one\r\n\r\ntwo\nthree — ü\r\n';
    for (const size of [1, 2, 3, 100]) {
      const lines = splitter();
      const bytes = Buffer.from(whole);
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        found.push(...texts(lines.push(bytes.subarray(at, at + size))));
      assert.deepEqual(found, ['one', '', 'two', 'three — ü'], `bursts of ${size}`);
    }
  });

  it('splits at CR alone where the board file says so', () => {
    assert.deepEqual(texts(splitter(4096, '\r').push(Buffer.from('a\rb\rc'))), ['a', 'b']);
  });

  it('counts positions in bytes of the stream', () => {
    const lines = splitter(8).push(Buffer.from('ü\n12345678901\nx\n'));
    assert.deepEqual(
      lines.map(({ start, end, cut }) => ({ start, end, cut })),
      [
        { start: 0, end: 3, cut: false },
        { start: 3, end: 11, cut: true },
        { start: 11, end: 15, cut: false },
        { start: 15, end: 17, cut: false },
      ],
    );
  });

  it('hands on a line beyond the bound in pieces marked as cut, where ReadlineParser would hold it all', () => {
    const unbounded = new ReadlineParser();
    const noise = Buffer.alloc(100_000, 0x55);
    unbounded.write(noise);
    assert.equal((unbounded as unknown as { buffer: Buffer }).buffer.length, 100_000);

    const bounded = splitter(4096);
    const pieces = bounded.push(noise);
    assert.equal(pieces.length, Math.floor(100_000 / 4096));
    assert.ok(pieces.every((piece) => piece.cut && piece.text.length === 4096));
    const [rest] = bounded.push(Buffer.from('\n'));
    assert.deepEqual([rest?.text.length, rest?.cut], [100_000 % 4096, false]);
  });

  it('does not cut a line of exactly the bound when its ending follows', () => {
    assert.deepEqual(
      splitter(4)
        .push(Buffer.from('1234\n'))
        .map(({ text, cut }) => ({ text, cut })),
      [{ text: '1234', cut: false }],
    );
  });

  it('ends half a line as cut', () => {
    const lines = splitter();
    lines.push(Buffer.from('half'));
    assert.deepEqual(texts(lines.end()), ['half']);
    assert.deepEqual(lines.end(), []);
    assert.deepEqual(texts(lines.push(Buffer.from('whole\n'))), ['whole']);
  });
});
