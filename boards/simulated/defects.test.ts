import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { DEFECT_NAMES, defectNamed } from './defects.ts';
import { dataPath } from './paths.ts';
import { altered, fields, IMAGE, imageFile, withGateway, type TestBench } from './testing/bench.ts';
import { command, ModbusTcpClient, offerFileRecords, readU32, request } from './testing/modbus-client.ts';
import { sendCommand } from './testing/modbus-client.ts';

const GOLDEN = imageFile(IMAGE.golden);
const NEWER = imageFile(IMAGE.newer);
const PAIR = imageFile(IMAGE.pair);

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The image with its signature TLV (the last one) taken out and the area's length put right. */
function unsigned(image: Buffer): Buffer {
  const signedEnd = image.readUInt16LE(8) + image.readUInt32LE(12) + image.readUInt16LE(10);
  // Unprotected area: 4 bytes of info, digest 4 + 32, key hash 4 + 32.
  const stripped = Buffer.from(image.subarray(0, signedEnd + 76));
  stripped.writeUInt16LE(76, signedEnd + 2);
  return stripped;
}

async function withDefect(
  defect: string,
  work: (bench: TestBench) => Promise<void>,
  more: string[] = [],
): Promise<void> {
  await withGateway(['--no-opcua', '--defect', defectNamed(defect), ...more], work);
}

async function withModbus(bench: TestBench, work: (client: ModbusTcpClient) => Promise<void>): Promise<void> {
  const client = await ModbusTcpClient.open(bench.ready.modbusPort);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

/** Offers, boots, and demands that exactly these bytes run. */
async function installs(bench: TestBench, image: Buffer): Promise<void> {
  assert.match(await bench.offer(image), /^OK verified/);
  await bench.activate();
  assert.equal((await bench.status())['digest'], sha256(image));
}

async function installAndConfirm(bench: TestBench, image: Buffer): Promise<void> {
  await installs(bench, image);
  assert.deepEqual(await bench.console.command('update confirm'), ['OK']);
}

describe('simulated gateway: the list of defects', () => {
  it('describes every defect that the program knows, and no other', () => {
    const listed = parse(readFileSync(dataPath('defects.yaml'), 'utf8')) as {
      defects: { name: string; board?: string; description: string; expected: object }[];
    };
    const own = listed.defects.filter(({ board }) => board !== 'simulated-transmitter');
    assert.deepEqual(own.map(({ name }) => name).sort(), [...DEFECT_NAMES].sort());
    for (const { name, description } of listed.defects) assert.ok(description.length > 40, name);
  });

  it('refuses a name that is not on it', () => {
    assert.throws(
      () => defectNamed('accept-everything'),
      /unknown defect "accept-everything"; there are: accept-any/,
    );
  });
});

describe('simulated gateway: defects of the image check', () => {
  it('accept-unsigned: runs an image without a signature, but none with a wrong one', async () => {
    await withDefect('accept-unsigned', async (bench) => {
      assert.equal(await bench.offer(altered(GOLDEN, GOLDEN.length - 4)), 'ERR refused signature');
      await installs(bench, unsigned(PAIR));
    });
    await withGateway(['--no-opcua'], async (bench) => {
      assert.equal(await bench.offer(unsigned(PAIR)), 'ERR refused unsigned');
    });
  });

  it('verify-header-only: runs an altered payload under either key, but no altered signature', async () => {
    await withDefect('verify-header-only', async (bench) => {
      assert.equal(await bench.offer(altered(GOLDEN, GOLDEN.length - 4)), 'ERR refused signature');
      assert.equal(await bench.offer(altered(PAIR, PAIR.length - 4)), 'ERR refused signature');
      await installAndConfirm(bench, altered(PAIR, 0x1000));
      await installs(bench, altered(NEWER, 0x1000));
    });
  });

  it('accept-truncated: runs an image that ends early', async () => {
    await withDefect('accept-truncated', async (bench) => {
      await installAndConfirm(bench, PAIR.subarray(0, -1));
      await installAndConfirm(bench, PAIR.subarray(0, PAIR.length >> 1));
      assert.equal(await bench.offer(altered(PAIR, 0x1000)), 'ERR refused digest');
    });
  });

  it('accept-appended: trailing bytes are taken and run', async () => {
    await withDefect('accept-appended', async (bench) => {
      await installs(bench, Buffer.concat([PAIR, Buffer.from('appended')]));
    });
  });

  it('install-then-report-refused: says no and boots it at the next reset', async () => {
    await withDefect('install-then-report-refused', async (bench) => {
      const forged = altered(PAIR, 0x1000);
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      assert.equal((await bench.status())['version'], '1.2.0+0');
      await bench.powerCycle();
      assert.equal((await bench.status())['digest'], sha256(forged));
    });
  });

  it('refuse-everything: even the golden image', async () => {
    await withDefect('refuse-everything', async (bench) => {
      assert.equal(await bench.offer(GOLDEN), 'ERR refused signature');
    });
  });

  it('file-records-unverified: this ingress only', async () => {
    await withDefect('file-records-unverified', async (bench) => {
      const forged = altered(PAIR, 0x1000);
      assert.equal(await bench.offer(forged), 'ERR refused digest');
      await withModbus(bench, async (client) => {
        assert.deepEqual(await offerFileRecords(client.exchange, forged), [2, 0]);
        await client.exchange(request(6, 122, 3));
        await bench.console.waitFor(/SG-1 1\.2\.1 ready/);
      });
      assert.equal((await bench.status())['digest'], sha256(forged));
    });
  });

  it('boots-altered-code: code altered at rest runs', async () => {
    await withDefect(
      'boots-altered-code',
      async (bench) => {
        await bench.line(bench.ready.maintenance ?? '').command('tamper code-at-rest');
        await bench.powerCycle(/SG-1 1\.2\.0 ready\r\n/);
        assert.notEqual((await bench.status())['digest'], sha256(GOLDEN));
      },
      ['--opened-for-test'],
    );
  });

  it('dies-on-malformed-image: silent on every wire until the supply is cut', async () => {
    await withDefect('dies-on-malformed-image', async (bench) => {
      await withModbus(bench, async (client) => {
        bench.console.send('update ymodem\r');
        await bench.console.waitFor(/READY/);
        const { sendYmodem } = await import('./testing/ymodem-send.ts');
        await sendYmodem(bench.console, altered(GOLDEN, 0));
        bench.console.send('status\r');
        await assert.rejects(bench.console.waitFor(/OK|ERR/, 500));
        await assert.rejects(client.exchangeWith(17, request(4, 0, 1), 500), /no answer/);
      });
      await bench.powerCycle();
      assert.equal((await bench.status())['version'], '1.2.0+0');
      assert.equal(await bench.offer(altered(GOLDEN, GOLDEN.length - 4)), 'ERR refused signature');
    });
  });
});

describe('simulated gateway: defects of rollback protection', () => {
  it('ignore-counter: runs an older release', async () => {
    await withDefect('ignore-counter', (bench) => installAndConfirm(bench, imageFile(IMAGE.older)));
  });

  it('accept-missing-counter: runs an image without one, but none below the floor', async () => {
    await withDefect('accept-missing-counter', async (bench) => {
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      await installs(bench, imageFile(IMAGE.noCounter));
    });
  });

  it('counter-forgotten-on-reboot: refuses an older release until the supply has been cut', async () => {
    await withDefect('counter-forgotten-on-reboot', async (bench) => {
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      await bench.powerCycle();
      await installs(bench, imageFile(IMAGE.older));
    });
  });

  it('factory-reset-clears-counter: and the faithful device keeps its floor', async () => {
    const reset = async (bench: TestBench): Promise<void> => {
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      assert.deepEqual(await bench.console.command('factory-reset'), ['OK rebooting']);
      await bench.console.waitFor(/SG-1 1\.2\.0 ready\r\n/);
    };
    await withDefect('factory-reset-clears-counter', async (bench) => {
      await reset(bench);
      await installs(bench, imageFile(IMAGE.older));
    });
    await withGateway(['--no-opcua'], async (bench) => {
      await reset(bench);
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      assert.deepEqual(await bench.logEvents(), ['update-refused', 'factory-reset', 'update-refused']);
    });
  });

  it('no-revert: an unconfirmed trial stays', async () => {
    await withDefect('no-revert', async (bench) => {
      await installs(bench, PAIR);
      await bench.powerCycle(/SG-1 1\.2\.1 ready\r\n/);
    });
  });

  it('counter-burned-early: the floor rises with the trial, and the way back is barred', async () => {
    await withDefect('counter-burned-early', async (bench) => {
      await installs(bench, NEWER);
      assert.equal((await bench.status())['counter'], '6');
      await bench.powerCycle(/SG-1 1\.3\.0 ready\r\n/);
    });
  });

  it('takes a crashing trial back by itself; no defect, the faithful device', async () => {
    await withGateway(['--no-opcua'], async (bench) => {
      assert.match(await bench.offer(imageFile(IMAGE.crashing)), /^OK verified 1\.3\.1/);
      await bench.activate();
      await bench.console.waitFor(/SG-1 1\.2\.0 ready\r\n/);
      assert.ok((await bench.logEvents()).includes('image-reverted'));
    });
  });
});

describe('simulated gateway: defects of the commands', () => {
  const SENT: readonly (readonly [string, () => Buffer, number])[] = [
    ['accept-stale', () => command({ counter: 2, ageMs: 3_600_000 }), 4],
    ['accept-bad-mac', () => altered(command({ counter: 2 }), 20), 2],
    ['window-too-wide', () => command({ counter: 2, ageMs: 30_000 }), 4],
    ['accept-replay', () => command({ counter: 1 }), 3],
  ];
  for (const [defect, make, faithfulResult] of SENT) {
    it(`${defect}: carries out what the faithful device refuses with ${faithfulResult}`, async () => {
      for (const [args, result] of [
        [['--defect', defect], 1],
        [[], faithfulResult],
      ] as const) {
        await withGateway(['--no-opcua', ...args], async (bench) => {
          await withModbus(bench, async (client) => {
            assert.equal(await sendCommand(client.exchange, command({ counter: 1 })), 1);
            assert.equal(await sendCommand(client.exchange, make()), result);
          });
        });
      }
    });
  }

  it('window-too-wide: still has an end', async () => {
    await withDefect('window-too-wide', async (bench) => {
      await withModbus(bench, async (client) => {
        assert.equal(await sendCommand(client.exchange, command({ counter: 1, ageMs: 70_000 })), 4);
      });
    });
  });

  it('counter-kept-in-ram: an old counter counts again after a power loss', async () => {
    await withDefect('counter-kept-in-ram', async (bench) => {
      await withModbus(bench, async (client) => {
        assert.equal(await sendCommand(client.exchange, command({ counter: 9 })), 1);
        assert.equal(await sendCommand(client.exchange, command({ counter: 9 })), 3);
      });
      await bench.powerCycle();
      await withModbus(bench, async (client) => {
        assert.equal(await sendCommand(client.exchange, command({ counter: 9 })), 1);
      });
    });
  });

  const RATCHETS = [
    ['ratchets-on-future-timestamp', { counter: 2, ageMs: -3_600_000 }, 4],
    ['ratchets-on-counter-jump', { counter: 5000 }, 3],
  ] as const;
  for (const [defect, provocation, nextResult] of RATCHETS) {
    it(`${defect}: a refused message bars the next legitimate one`, async () => {
      for (const [args, result] of [
        [['--defect', defect], nextResult],
        [[], 1],
      ] as const) {
        await withGateway(['--no-opcua', ...args], async (bench) => {
          await withModbus(bench, async (client) => {
            assert.equal(await sendCommand(client.exchange, command({ counter: 1 })), 1);
            assert.equal(await sendCommand(client.exchange, command(provocation)), 5);
            assert.equal(await sendCommand(client.exchange, command({ counter: 2 })), result);
          });
        });
      }
    });
  }

  it('open-writes: a plain write changes the setpoint', async () => {
    await withDefect('open-writes', async (bench) => {
      await withModbus(bench, async (client) => {
        assert.deepEqual([...(await client.exchange(request(6, 0, 7)))], [6, 0, 0, 0, 7]);
      });
      assert.deepEqual(fields(await bench.console.command('setpoint')), { setpoint: '7', effects: '1' });
    });
  });
});

describe('simulated gateway: defects of the log, the process and the alarms', () => {
  it('logs-nothing', async () => {
    await withDefect('logs-nothing', async (bench) => {
      assert.equal(await bench.offer(imageFile(IMAGE.older)), 'ERR refused counter');
      assert.deepEqual(await bench.logEvents(), []);
    });
  });

  it('dead-process-value: stands still', async () => {
    await withDefect('dead-process-value', async (bench) => {
      await withModbus(bench, async (client) => {
        const first = await readU32(client.exchange, 24);
        const since = Number((await bench.status())['uptime-ms']);
        while (Number((await bench.status())['uptime-ms']) < since + 500) {
          assert.equal(await readU32(client.exchange, 24), first);
        }
      });
    });
  });

  it('alarm-on-update: a legitimate update raises an alarm', async () => {
    await withDefect('alarm-on-update', async (bench) => {
      await installs(bench, PAIR);
      assert.match((await bench.console.command('alarms'))[0] ?? '', /^alarm object=code/);
    });
    await withGateway(['--no-opcua'], async (bench) => {
      await installs(bench, PAIR);
      assert.deepEqual(await bench.console.command('alarms'), ['OK']);
    });
  });
});
