import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Answer } from '../../harness/capabilities.ts';
import { monotonicMs, until } from '../../harness/clock.ts';
import { DriverError, PortError } from '../../harness/errors.ts';
import { withBench, type Bench } from './test/bench.ts';
import { bitwiseCrc, YmodemReceiver, type Misbehaviour } from './test/ymodem-receiver.ts';
import { block, crc16, dataBlocks, endOfBatchBlock, headerBlock, spoiltBlock } from './ymodem-frames.ts';

const bytesOf = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + 3) & 0xff);

describe('YMODEM blocks', () => {
  it('has the CRC of the reference', () => {
    assert.equal(crc16(Buffer.from('123456789')), 0x31c3); // RevEng catalogue, CRC-16/XMODEM
    for (const length of [0, 1, 128, 1024]) assert.equal(crc16(bytesOf(length)), bitwiseCrc(bytesOf(length)));
  });

  // The reference (14 October 1988) shows sessions as "SOH 00 FF foo.c NUL[123] CRC CRC", without CRC values. These
  // frames were captured from `sb -b foo.c` of lrzsz 0.12.21 (Debian bookworm) on 22 November 2026; foo.c holds the
  // bytes 0 to 99.
  it('builds byte for byte what sb sends', () => {
    const data = `000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30
      3132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263`;
    const captured = Buffer.from(`0101fe${data.replace(/\s/g, '')}${'1a'.repeat(28)}02ae`, 'hex');
    const [first] = dataBlocks(Uint8Array.from({ length: 100 }, (_, index) => index));
    assert.equal(first?.frame.toString('hex'), captured.toString('hex'));
    assert.equal(first?.fileBytes, 100);

    const text = Buffer.from('foo.c\u0000100 13540157757 100644 0 1 100');
    const header = Buffer.concat([text, Buffer.alloc(127 - text.length), Buffer.of(1)]); // sb marks the last byte
    assert.equal(block(0, header).toString('hex'), `0100ff${header.toString('hex')}5000`);
  });

  it('puts name and length into block 0, and a long name into a long one', () => {
    const short = headerBlock('foo.c', 1064);
    assert.equal(short.length, 133);
    assert.equal(short.toString('hex'), `0100ff666f6f2e630031303634${'00'.repeat(118)}f6b8`); // CRC: Python binascii.crc_hqx
    assert.equal(headerBlock('n'.repeat(200), 1).length, 1029);
    assert.throws(() => headerBlock('n'.repeat(1100), 1), DriverError);
    assert.throws(() => headerBlock('a\0b', 1), DriverError);
    assert.equal(endOfBatchBlock().toString('hex'), `0100ff${'00'.repeat(130)}`);
  });

  it('numbers blocks modulo 256 and ends in a short one where it fits', () => {
    const blocks = [...dataBlocks(new Uint8Array(256 * 1024 + 128))];
    assert.equal(blocks.length, 257);
    assert.deepEqual([...(blocks[255]?.frame.subarray(0, 3) ?? [])], [2, 0, 255]);
    assert.deepEqual([...(blocks[256]?.frame.subarray(0, 3) ?? [])], [1, 1, 254]);
    assert.equal([...dataBlocks(new Uint8Array(1024 + 129))][1]?.frame.length, 1029);
  });
});

describe('YMODEM blocks of transfers without an end', () => {
  it('tells no length in block 0 where there is none', () => {
    assert.equal(headerBlock('foo.c').toString('latin1', 3, 16), 'foo.c'.padEnd(13, '\0'));
  });

  it('spoils nothing but the CRC of a block', () => {
    const spoilt = spoiltBlock(7);
    const sound = block(7, Buffer.alloc(128, 0x1a));
    assert.deepEqual(spoilt.subarray(0, -2), sound.subarray(0, -2));
    assert.notEqual(spoilt.readUInt16BE(131), sound.readUInt16BE(131));
  });
});

describe('YMODEM sender', () => {
  const send = async (
    how: Misbehaviour,
    length: number,
    check: (answer: Answer, receiver: YmodemReceiver, bench: Bench) => Promise<void> | void,
    blockWithinMs = 10_000,
    secondRequestWithinMs?: number,
  ): Promise<void> => {
    await withBench({}, async (bench) => {
      const receiver = new YmodemReceiver(bench.device, how);
      const file = { name: 'image.bin', bytes: bytesOf(length) };
      await check(
        await bench.driver.console.sendFile(file, { blockWithinMs, secondRequestWithinMs }),
        receiver,
        bench,
      );
    });
  };
  const arrived = (answer: Answer, receiver: YmodemReceiver, length: number): void => {
    assert.equal(answer.kind, 'accepted', answer.reason);
    assert.deepEqual(answer.delivery, { totalBytes: length, acknowledgedBytes: length, complete: true });
    assert.deepEqual(receiver.data, Buffer.from(bytesOf(length)));
    assert.deepEqual([receiver.name, receiver.length], ['image.bin', length]);
  };

  it('delivers files of every remainder', async () => {
    for (const length of [0, 1, 128, 129, 1024, 3000]) {
      await send({ requests: 3 }, length, (answer, receiver) => {
        arrived(answer, receiver, length);
        assert.ok(receiver.ended, 'the batch was not ended');
      });
    }
  });

  it('sends again what the receiver refused or lost, and an EOT that it refused', async () => {
    const how = { nak: { 0: 1, 1: 2, 3: 9 }, drop: { 2: 1 }, nakFirstEot: true };
    await send(how, 4000, (answer, receiver) => {
      arrived(answer, receiver, 4000);
      assert.equal(receiver.blocks.length, 6 + 1 + 2 + 1 + 9); // header, 4 blocks and end; NAKs; one lost
    });
  });

  it('sends block 0 again when the receiver goes on asking for it', async () => {
    await send({ drop: { 0: 1 } }, 500, (answer, receiver) => arrived(answer, receiver, 500));
  });

  it('works with a receiver that answers late', async () => {
    await send({ lateMs: 60 }, 2000, (answer, receiver) => arrived(answer, receiver, 2000));
  });

  it('sends the first block unasked, where the board file says so, to a receiver that only acknowledges', async () => {
    const check = (answer: Answer, receiver: YmodemReceiver): void => arrived(answer, receiver, 2000);
    await send({ secondRequestAfterMs: 600_000 }, 2000, check, 10_000, 50);
  });

  it('waits for the second request otherwise', async () => {
    await send({ secondRequestAfterMs: 400 }, 2000, (answer, receiver) => arrived(answer, receiver, 2000));
    const silent = (answer: Answer): void => {
      assert.equal(answer.kind, 'silent');
      assert.match(answer.reason ?? '', /to ask for the first block/);
    };
    await send({ secondRequestAfterMs: 600_000 }, 2000, silent, 300);
  });

  it('takes a request that crosses the unasked first block for none', async () => {
    const check = (answer: Answer, receiver: YmodemReceiver): void => {
      arrived(answer, receiver, 2000);
      assert.equal(receiver.blocks.length, 4, 'a block was sent twice');
    };
    const how = { secondRequestAfterMs: 600_000, requestCrosses: true };
    await send(how, 2000, check, 10_000, 20);
  });

  it('sends no block unasked to a receiver that says something else', async () => {
    const how = { secondRequestAfterMs: 600_000, thenSays: 'no space\r\n' };
    const check = (answer: Answer, receiver: YmodemReceiver): void => {
      assert.equal(answer.kind, 'garbage');
      assert.equal(receiver.blocks.length, 1);
    };
    await send(how, 2000, check, 10_000, 300);
  });

  it('gives up after ten sendings of a block, and cancels', async () => {
    await send({ nak: { 2: 99 } }, 3000, async (answer, receiver) => {
      assert.equal(answer.kind, 'garbage');
      assert.match(answer.reason ?? '', /block 2 10 times after 1024 of 3000 bytes/);
      assert.equal(receiver.blocks.length, 2 + 10);
      await until(() => (receiver.cancelled ? true : undefined), { withinMs: 5000, what: 'CAN CAN' });
    });
  });

  it('answers refused when the receiver cancels, with what was delivered', async () => {
    await send({ cancelAt: 2 }, 3000, (answer) => {
      assert.equal(answer.kind, 'refused');
      assert.equal(answer.stage, 'transfer');
      assert.deepEqual(answer.delivery, { totalBytes: 3000, acknowledgedBytes: 1024, complete: false });
    });
  });

  it('answers silent when the receiver falls silent, and cancels', async () => {
    const check = async (answer: Answer, receiver: YmodemReceiver): Promise<void> => {
      assert.equal(answer.kind, 'silent');
      assert.deepEqual(answer.delivery, { totalBytes: 3000, acknowledgedBytes: 2048, complete: false });
      await until(() => (receiver.cancelled ? true : undefined), { withinMs: 5000, what: 'CAN CAN' });
    };
    await send({ silentAt: 3 }, 3000, check, 300);
  });

  it('answers garbage when text comes in place of an acknowledgement', async () => {
    await send({ garbageAt: 1 }, 3000, (answer) => assert.equal(answer.kind, 'garbage'), 300);
  });

  it('is silent, and sends nothing, when nobody asks for the file', async () => {
    await withBench({}, async ({ device, driver, logged }) => {
      device.say('Commands: Copy\r\n'); // the C of text is no request
      const answer = await driver.console.sendFile({ name: 'f', bytes: bytesOf(10) }, { blockWithinMs: 200 });
      assert.equal(answer.kind, 'garbage');
      assert.equal(logged.sent, 0);
      const second = await driver.console.sendFile({ name: 'f', bytes: bytesOf(10) }, { blockWithinMs: 50 });
      assert.equal(second.kind, 'silent');
    });
  });

  it('leaves the text of a receiver that takes one file and no batch end', async () => {
    await send(
      { oneFileOnly: true, verdict: '\r\nCRC OK\r\n' },
      300,
      async (answer, receiver, { driver }) => {
        arrived(answer, receiver, 300);
        await driver.console.expect('CRC OK', { withinMs: 1 });
      },
      500,
    );
  });

  it('takes text for the end of a receiver whose last acknowledgement was lost, and sends nothing into it', async () => {
    const how = { losesLastAck: true, verdict: 'Checking C\r\nCRC OK\r\n' };
    const startedAtMs = monotonicMs();
    await send(how, 300, async (answer, receiver, { driver }) => {
      assert.ok(monotonicMs() - startedAtMs < 10_000, 'it waited for the acknowledgement');
      arrived(answer, receiver, 300);
      assert.ok(receiver.ended, 'the batch was not ended');
      await driver.console.expect('CRC OK', { withinMs: 1000 });
      assert.equal(receiver.afterwards, 0);
    });
  });

  it('sends the end of the batch again to a receiver that threw it away and asks once more', async () => {
    const how = { losesBatchEnd: { times: 2, asksAgainAfterMs: 3100 }, verdict: 'CRC OK\r\n' };
    await send(how, 300, async (answer, receiver, { driver }) => {
      arrived(answer, receiver, 300);
      assert.ok(receiver.ended, 'the batch was not ended');
      await driver.console.expect('CRC OK', { withinMs: 1000 });
    });
  });

  it('ends the batch of a receiver that takes long to ask for the next file, or logs a line before', async () => {
    for (const how of [{ nextRequestAfterMs: 3100 }, { saysBeforeNext: 'eth0: link up\r\n' }]) {
      await send(how, 300, (answer, receiver) => {
        arrived(answer, receiver, 300);
        assert.ok(receiver.ended, 'the batch was not ended');
      });
    }
  });

  it('is content with a receiver that says nothing more after the end', async () => {
    await send({ losesLastAck: true }, 300, (answer, receiver) => arrived(answer, receiver, 300), 500);
  });

  it('rejects with PortError when the port dies in the middle', async () => {
    await withBench({}, async ({ device, driver }) => {
      const receiver = new YmodemReceiver(device, { silentAt: 1 });
      const sending = assert.rejects(
        driver.console.sendFile({ name: 'f', bytes: bytesOf(3000) }, { blockWithinMs: 20_000 }),
        PortError,
      );
      await until(() => (receiver.blocks.length >= 2 ? true : undefined), {
        withinMs: 5000,
        what: 'block 1',
      });
      device.unplug();
      await sending;
    });
  });
});
