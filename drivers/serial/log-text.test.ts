import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { logText, printable, readings, statelessPattern, withoutLeadingControls } from './log-text.ts';

describe('text of the log', () => {
  it('maps characters back to bytes, over noise and several bytes per character', () => {
    const { text, offsetOf } = logText(
      Buffer.from([0x41, 0xff, 0xc3, 0xbc, 0xf0, 0x9f, 0x94, 0xa7, 0xe2, 0x82]),
    );
    assert.equal(text, 'A\uFFFDü🔧\uFFFD\uFFFD');
    assert.deepEqual([0, 1, 2, 3, 5, 6, 7].map(offsetOf), [0, 1, 2, 4, 8, 9, 10]);
  });

  it('maps them alike where there is no noise', () => {
    const bytes = Buffer.from('\uFEFF21.4 °C 温度 🔧🔧\r\nprompt# ');
    const [sound, noisy] = [logText(bytes), logText(Buffer.concat([bytes, Buffer.of(0xff)]))];
    assert.equal(`${sound.text}\uFFFD`, noisy.text);
    for (let index = 0; index <= sound.text.length; index += 1)
      assert.equal(sound.offsetOf(index), noisy.offsetOf(index), `of ${index}`);
    assert.equal(sound.offsetOf(sound.text.length), bytes.length);
  });

  it('takes a string as itself, and the state out of a pattern', () => {
    assert.ok(statelessPattern('a.b(').test('a.b('));
    assert.ok(!statelessPattern('a.b').test('axb'));
    const sticky = statelessPattern(/a/giy);
    assert.equal(sticky.flags, 'i');
  });

  it('shows control characters and shortens the middle', () => {
    assert.equal(printable('a\r\u0018'), '"a\\r\\u0018"');
    assert.ok(printable('x'.repeat(1000)).length < 130);
  });

  it('reads a line behind the bytes of a receiver', () => {
    assert.deepEqual(readings('\x06C\x06ERR size'), ['ERR size', '\x06C\x06ERR size']);
    assert.deepEqual(readings('\x06CALARM'), ['CALARM', 'ALARM', '\x06CALARM']);
    assert.deepEqual(readings('plain'), ['plain']);
    assert.equal(withoutLeadingControls('\x18\x18\b\bERR'), 'ERR');
  });
});
