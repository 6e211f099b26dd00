import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Answer } from '../../../harness/capabilities.ts';
import { monotonicMs, until } from '../../../harness/clock.ts';
import { DriverError, PortError } from '../../../harness/errors.ts';
import { sRecord } from '../adapter-settings.ts';
import { dataRecords, endRecord, headerRecord, record } from '../s-record-lines.ts';
import { withBench, type Bench } from '../test/bench.ts';
import { SRecordReceiver, type LoaderFault } from '../test/s-record-receiver.ts';
import { sRecordAdapter } from './s-record.ts';

describe('S-records', () => {
  // The example in common use, which shows S0, S1 and S9 (Wikipedia, SREC (file format), 16-bit memory address).
  it('are those of the descriptions', () => {
    assert.equal(headerRecord('hello     \0\0'), 'S00F000068656C6C6F202020202000003C');
    const data = Buffer.from('7C0802A6900100049421FFF07C6C1B787C8C23783C60000038630000', 'hex');
    assert.equal(record(1, 2, 0, data), `S11F0000${data.toString('hex').toUpperCase()}26`);
    const layout = { addressBytes: 2, baseAddress: 0, recordBytes: 16 } as const;
    assert.equal(endRecord(layout), 'S9030000FC');
  });

  it('carry the width of the address in their type', () => {
    const lines = (addressBytes: 2 | 3 | 4): string[] => {
      const layout = { addressBytes, baseAddress: 0x1000, recordBytes: 4 };
      return [...[...dataRecords(Buffer.from('abcdef'), layout)].map(({ line }) => line), endRecord(layout)];
    };
    assert.deepEqual(lines(2), ['S107100061626364' + '5E', 'S1051004656' + '61B', 'S9031000EC']);
    assert.deepEqual(
      lines(3).map((line) => line.slice(0, 10)),
      ['S208001000', 'S206001004', 'S804001000'],
    );
    assert.deepEqual(
      lines(4).map((line) => line.slice(0, 12)),
      ['S30900001000', 'S30700001004', 'S70500001000'],
    );
  });

  it('refuse what their fields do not hold', () => {
    const all = (addressBytes: 2 | 4, baseAddress: number, recordBytes: number): unknown => [
      ...dataRecords(Buffer.alloc(300), { addressBytes, baseAddress, recordBytes }),
    ];
    assert.throws(() => all(2, 0xff00, 16), DriverError);
    assert.throws(() => all(4, 0, 251), /Set recordBytes to 250|do not fit into a record/);
    assert.equal((all(4, 0xffff_ffff - 299, 250) as unknown[]).length, 2);
  });
});

describe('s-record ingress', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff);
  const base = 0x4800_0000;

  const offering = async (
    how: LoaderFault | string | undefined,
    check: (answer: Answer, receiver: SRecordReceiver | undefined, bench: Bench) => Promise<void> | void,
    more: object = {},
    wire: Record<string, unknown> = {},
  ): Promise<void> => {
    await withBench({ settings: wire }, async (bench) => {
      const { device, driver } = bench;
      let receiver: SRecordReceiver | undefined;
      device.answer = () => {
        if (typeof how !== 'object') return how;
        receiver = new SRecordReceiver(device, how);
        return 'READY\r\n';
      };
      const settings = sRecord.parse({
        start: 'loads',
        ready: '^READY',
        readyWithinMs: 300,
        baseAddress: base,
        accepted: '^total (?:unknown|0x[0-9a-f]+ = (?<total>\\d+))',
        refused: '^(?<reason>load aborted|no .*)$',
        restarted: 'boot loader',
        verifyWithinMs: 400,
        ...more,
      });
      const answer = await sRecordAdapter
        .create(settings, driver)
        .offer({ name: 'golden.bin', bytes, sha256: '' });
      await check(answer, receiver, bench);
    });
  };
  const nothing = { totalBytes: 1000, acknowledgedBytes: 0, complete: false };

  it('delivers the image to its address, and knows it by the device’s own count', async () => {
    await offering({}, (answer, receiver) => {
      assert.equal(answer.kind, 'accepted', answer.reason);
      assert.deepEqual(answer.delivery, { totalBytes: 1000, acknowledgedBytes: 1000, complete: true });
      assert.deepEqual(receiver?.from(base), Buffer.from(bytes));
      assert.equal(receiver?.header, 'golden.bin');
      assert.equal(receiver?.startAddress, base);
    });
  });

  it('delivers through a console that echoes, at other widths and lengths', async () => {
    const narrow = { addressBytes: 2, baseAddress: 0x100, recordBytes: 7 };
    await offering(
      { echo: true },
      (answer, receiver) => {
        assert.equal(answer.kind, 'accepted', answer.reason);
        assert.deepEqual(receiver?.from(0x100), Buffer.from(bytes));
        assert.equal(receiver?.lines.length, 1 + Math.ceil(1000 / 7) + 1);
      },
      narrow,
      { echo: true },
    );
  });

  it('hears the answer to its end, before the next command is sent', async () => {
    await offering(
      {},
      async (answer, _receiver, { device, driver }) => {
        assert.deepEqual([answer.kind, answer.delivery?.complete], ['accepted', true]);
        assert.match(driver.console.textOf(0), /bytes\r\nstart 0x0\r\n=> $/);
        assert.ok(device.heard.length > 0);
      },
      {},
      { prompt: '=> ', answerEnd: '^=> $' },
    );
  });

  it('leaves the delivery open where the device counts nothing', async () => {
    await offering({ tellsNothing: true }, (answer) => {
      assert.equal(answer.kind, 'accepted');
      assert.equal(answer.delivery, undefined);
    });
  });

  it('takes no yes from a device that has lost a part', async () => {
    await offering({ loses: 5 }, (answer) => {
      assert.equal(answer.kind, 'garbage');
      assert.match(answer.reason ?? '', /took 968 of 1000 bytes/);
      assert.deepEqual(answer.delivery, { ...nothing, acknowledgedBytes: 968 });
    });
  });

  it('stops at a refusal in the middle', async () => {
    const how = { saysAt: { line: 4, text: 'no space\r\n' } };
    const check = (answer: Answer, receiver: SRecordReceiver | undefined): void => {
      assert.deepEqual([answer.kind, answer.stage, answer.reason], ['refused', 'transfer', 'no space']);
      assert.equal(answer.delivery, undefined);
      assert.ok((receiver?.typed.length ?? 99) < 20, 'went on sending');
    };
    await offering(how, check, { pauseMs: 20 });
  });

  it('is refused by a device that finds a wrong checksum', async () => {
    // A line that lost its first half on the way.
    await offering({}, async (_answer, _receiver, { device }) => {
      const receiver = new SRecordReceiver(device);
      assert.equal(device.answer('S30548000000FF', device), 'load aborted\r\n');
      assert.equal(receiver.memory.size, 0);
    });
  });

  it('tells a restart in the middle, and what was said before the end', async () => {
    await offering({ saysAt: { line: 9, text: '\r\nboot loader 1.0\r\n' } }, (answer) => {
      assert.deepEqual([answer.kind, answer.delivery], ['crashed', undefined]);
    });
    await offering({ saysAt: { line: 33, text: 'no end\r\n' } }, (answer) => {
      assert.deepEqual([answer.kind, answer.reason], ['refused', 'no end']);
    });
  });

  it('is silent before a deaf device, and says that nothing is known to have arrived', async () => {
    await offering(undefined, (answer, _receiver, { logged }) => {
      assert.deepEqual([answer.kind, answer.stage, answer.delivery], ['silent', 'transfer', nothing]);
      assert.equal(logged.sent, 'loads\n'.length);
    });
    await offering({ deafFrom: 3 }, (answer) => {
      assert.deepEqual([answer.kind, answer.stage, answer.delivery], ['silent', 'transfer', nothing]);
    });
  });

  it('is silent when the port takes no more', async () => {
    await withBench({ settings: { writeWithinMs: 200 } }, async ({ device, driver }) => {
      device.answer = () => {
        device.stopReading();
        return 'READY\r\n';
      };
      const settings = sRecord.parse({
        start: 'loads',
        ready: '^READY',
        baseAddress: base,
        accepted: 'total',
        refused: 'no',
        verifyWithinMs: 300,
      });
      const large = { name: 'golden.bin', bytes: new Uint8Array(200_000), sha256: '' };
      const answer = await sRecordAdapter.create(settings, driver).offer(large);
      assert.deepEqual(
        [answer.kind, answer.delivery],
        ['silent', { ...nothing, totalBytes: 200_000 }],
        answer.reason,
      );
    });
  });

  it('waits behind each record where the receiver needs it', async () => {
    const before = monotonicMs();
    await offering({}, (answer) => assert.equal(answer.kind, 'accepted'), { pauseMs: 10, recordBytes: 100 });
    assert.ok(monotonicMs() - before >= 12 * 10);
  });

  it('rejects when the port dies in the middle', async () => {
    await withBench({}, async ({ device, driver }) => {
      let receiver: SRecordReceiver | undefined;
      device.answer = () => {
        receiver = new SRecordReceiver(device);
        return 'READY\r\n';
      };
      const settings = sRecord.parse({
        start: 'loads',
        ready: '^READY',
        baseAddress: base,
        accepted: 'total',
        refused: 'no',
        pauseMs: 20,
      });
      const sending = assert.rejects(
        sRecordAdapter.create(settings, driver).offer({ name: 'f', bytes, sha256: '' }),
        PortError,
      );
      await until(() => ((receiver?.lines.length ?? 0) > 2 ? true : undefined), {
        withinMs: 5000,
        what: 'the first records',
      });
      device.unplug();
      await sending;
    });
  });
});
