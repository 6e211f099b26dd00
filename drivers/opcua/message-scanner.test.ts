import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { MessageScanner, scan } from './message-scanner.ts';

// ERR from node-opcua-server 2.182.2 to a message of 4 GB, 2026: Bad_TcpMessageTooLarge 0x80800000, then the text.
const text = 'too large';
const error = Buffer.concat([
  Buffer.from('45525246', 'hex'),
  Buffer.from([16 + text.length, 0, 0, 0]),
  Buffer.from('00008080', 'hex'),
  Buffer.from([text.length, 0, 0, 0]),
  Buffer.from(text),
]);
const message = Buffer.concat([
  Buffer.from('4d534746', 'hex'),
  Buffer.from([12, 0, 0, 0]),
  Buffer.from('ERRF'),
]);

describe('opcua message scanner', () => {
  it('finds the ERR message among others, however the stream is cut', () => {
    const stream = Buffer.concat([message, error, message]);
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const scanner = new MessageScanner();
      scanner.feed(stream.subarray(0, cut));
      scanner.feed(stream.subarray(cut));
      assert.deepEqual(scanner.types, ['MSG', 'ERR', 'MSG'], `cut at ${cut}`);
      assert.deepEqual(scanner.errorMessage, { statusCode: 0x80800000, reason: text });
    }
  });

  it('takes nothing inside a message for the start of one', () => {
    assert.deepEqual(scan(message).types, ['MSG']);
    assert.equal(scan(message).errorMessage, undefined);
  });

  it('calls garbage by its name, and stops following it', () => {
    assert.equal(scan(Buffer.from('HTTP/1.1 400')).garbage, true);
    assert.equal(scan(Buffer.from('4d53474601000000', 'hex')).garbage, true, 'a size below the header');
    assert.equal(scan(Buffer.from('HT')).garbage, false, 'not yet known');
    assert.equal(scan(Buffer.concat([message, Buffer.alloc(9)])).garbage, true);
  });

  it('survives an ERR message whose text is shorter than it says, or null', () => {
    const short = Buffer.from(error.subarray(0, 16));
    short.writeUInt32LE(16, 4);
    assert.deepEqual(scan(short).errorMessage, { statusCode: 0x80800000, reason: '' });
    short.writeInt32LE(-1, 12);
    assert.equal(scan(short).errorMessage?.reason, '');
  });
});
