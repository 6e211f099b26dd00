import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Answer, type EndlessTransfer } from '../../../harness/capabilities.ts';
import { until } from '../../../harness/clock.ts';
import { type AdapterRole, type AdapterRoles, type Driver } from '../../../harness/driver.ts';
import { DeviceException, DriverError, PortError, TimeoutError } from '../../../harness/errors.ts';
import { testDriver, type TestDriver } from '../test/bench-driver.ts';
import { FakeServer } from '../test/fake-server.ts';
import { adapters } from './index.ts';
import { adapterSpecs } from './settings.ts';

/** An adapter as the bench makes it: settings through its own schema, then `create`. */
function adapter<Role extends AdapterRole>(
  role: Role,
  name: string,
  settings: Record<string, unknown>,
  wire: Driver,
): AdapterRoles[Role] {
  const spec = adapterSpecs.find((one) => one.name === name)!;
  assert.equal(spec.role, role);
  const found = adapters.find((one) => one.name === name)!;
  return found.create(spec.settings.parse(settings) as never, wire) as AdapterRoles[Role];
}

describe('modbus adapters', () => {
  let server: FakeServer;
  let bench: TestDriver;
  let wire: Driver;
  beforeEach(async () => {
    server = await FakeServer.start('tcp');
    bench = testDriver(server.settings({ replyWithinMs: 200 }));
    wire = bench.driver;
    await wire.open();
  });
  afterEach(async () => {
    await wire.close();
    await server.dispose();
  });
  const value = (settings: Record<string, unknown>): Promise<string | number> =>
    adapter('value', 'modbus-register', settings, wire).read();

  it('offers every adapter that the spec names, in the same role', () => {
    assert.deepEqual(
      adapters.map(({ name, role }) => [name, role]),
      adapterSpecs.map(({ name, role }) => [name, role]),
    );
  });

  describe('modbus-register', () => {
    it('reads every type, in both word and byte orders', async () => {
      const { input } = server.device;
      input.splice(0, 12, 0xfffe, 0x0001, 0x0002, 0x3fc0, 0x0000, 0x4142, 0x4300, 0, 0, 0, 1, 0xdead);
      assert.equal(await value({ address: 0 }), 0xfffe);
      assert.equal(await value({ address: 0, type: 'i16' }), -2);
      assert.equal(await value({ address: 1, type: 'u32' }), 0x0001_0002);
      assert.equal(await value({ address: 1, type: 'u32', wordOrder: 'little' }), 0x0002_0001);
      assert.equal(await value({ address: 1, type: 'u32', byteOrder: 'little' }), 0x0100_0200);
      assert.equal(await value({ address: 0, type: 'i32' }), -131071);
      assert.equal(await value({ address: 3, type: 'f32' }), 1.5);
      assert.equal(await value({ address: 5, type: 'ascii', count: 3 }), 'ABC');
      assert.equal(await value({ address: 10, type: 'hex', count: 2 }), '0001dead');
      assert.equal(await value({ address: 7, type: 'u64' }), 1);
      input.splice(0, 4, 0xffff, 0xffff, 0xffff, 0xffff);
      assert.equal(await value({ address: 0, type: 'u64' }), '18446744073709551615');
    });

    it('reads holding registers, scales without rounding noise, joins', async () => {
      server.device.holding.splice(0, 3, 1, 2, 30_003);
      assert.equal(await value({ table: 'holding', address: 2, scale: 0.001 }), 30.003);
      assert.equal(await value({ table: 'holding', address: 0, count: 3, join: '.' }), '1.2.30003');
    });

    it('makes a version of several registers, adjoining ones in one request', async () => {
      server.device.input.splice(0, 5, 1, 2, 0, 0, 7);
      const part = (address: number, type = 'u16'): object => ({ address, type });
      const parts = [part(0), part(1), part(2), part(3, 'u32')];
      assert.equal(await value({ format: '{0}.{1}.{2}+{3}', parts }), '1.2.0+7');
      assert.equal(server.requests.length, 1);
      assert.equal(await value({ format: '{1}/{0}', parts: [part(100), part(0)] }), '1/1100');
    });

    it('refuses settings that mean nothing', () => {
      const check = (settings: object): boolean => adapterSpecs[0].settings.safeParse(settings).success;
      assert.equal(check({ address: 1 }), true);
      assert.equal(check({}), false);
      assert.equal(check({ address: 1, type: 'ascii' }), false);
      assert.equal(check({ address: 1, count: 2 }), false);
      assert.equal(check({ format: '{1}', parts: [{ address: 0 }] }), false);
      assert.equal(check({ address: 1, adress: 2 }), false);
    });
  });

  it('modbus-identity names the objects', async () => {
    const read = (settings: object): Promise<object> =>
      adapter('identity', 'modbus-identity', { ...settings }, wire).read();
    assert.deepEqual(await read({ level: 'regular' }), {
      vendor: 'Fake Works',
      productCode: 'FW-1',
      revision: '1.2.0',
      model: 'Model 5',
    });
    assert.deepEqual(await read({ objects: { '0x02': 'firmware', '99': 'nothing' } }), { firmware: '1.2.0' });
  });

  it('modbus-server-id tells id, state and text, and says when they do not fit', async () => {
    const read = (settings: object): Promise<object> =>
      adapter('identity', 'modbus-server-id', { ...settings }, wire).read();
    assert.deepEqual(await read({}), { serverId: '42', running: 'on', text: '\u0001' });
    const texts = Buffer.concat([Buffer.from([17, 10, 0xb4, 0x00]), Buffer.from('LMB3.1\0 ')]);
    server.tricks.push({ pdu: texts }, { pdu: texts });
    assert.deepEqual(await read({}), { serverId: 'b4', running: 'off', text: 'LMB3.1' });
    assert.deepEqual(await read({ idBytes: 2 }), { serverId: 'b400', running: '0x4c', text: 'MB3.1' });
    await assert.rejects(read({ idBytes: 3 }), /a server id of 3 bytes came, idBytes says 3/);
    server.tricks.push({ exception: 1 });
    await assert.rejects(read({}), DeviceException);
  });

  describe('modbus-write', () => {
    const perform = (settings: Record<string, unknown>): Promise<Answer> =>
      adapter('action', 'modbus-write', settings, wire).perform();

    it('writes registers and coils', async () => {
      assert.equal((await perform({ address: 4, values: [77] })).kind, 'accepted');
      assert.equal((await perform({ address: 5, values: [1, 2] })).kind, 'accepted');
      assert.equal((await perform({ address: 7, values: [3], multiple: true })).kind, 'accepted');
      assert.equal((await perform({ table: 'coil', address: 1, values: [true] })).kind, 'accepted');
      assert.deepEqual(server.device.holding.slice(4, 8), [77, 1, 2, 3]);
      assert.equal(server.device.coils[1], true);
      assert.deepEqual(
        server.requests.map((request) => request[1]),
        [6, 16, 16, 5],
      );
    });

    it('tells exception, silence, close and nonsense apart, and throws on bench faults', async () => {
      const once = { address: 4, values: [1], stage: 'install' };
      server.tricks.push({ exception: 3 }, 'silent', 'close', 'wrong-function');
      const { elapsedMs: _time, ...refused } = await perform(once);
      assert.deepEqual(refused, { kind: 'refused', reason: 'illegal data value', stage: 'install' });
      assert.equal((await perform(once)).kind, 'silent');
      assert.equal((await perform(once)).kind, 'closed');
      assert.equal((await perform(once)).kind, 'garbage');
      await server.vanish();
      await until(() => bench.log.filter((text) => /was (reset|closed)/.test(text))[1], {
        withinMs: 2000,
        what: 'the end of the connection',
      });
      await assert.rejects(perform(once), PortError);
      await wire.close();
      await assert.rejects(perform(once), DriverError);
    });

    it('waits for the status, through busy and silence, and gives the reason', async () => {
      const { device } = server;
      const settings = {
        ...{ address: 4, values: [1], statusRegister: 50, acceptedWhen: [2], refusedWhen: [3], everyMs: 5 },
        ...{ reasonRegister: 51, reasons: { 5: 'signature' }, answerWithinMs: 3000 },
      };
      const answers: number[] = [1, 1, 2];
      device.onWrite = () => void (device.input[50] = answers.shift() ?? 0);
      const pending = perform(settings);
      await until(() => (server.requests.length > 3 ? true : undefined), {
        withinMs: 2000,
        what: 'three looks',
      });
      server.tricks.push({ exception: 6 }, 'silent');
      await until(() => (server.tricks.length === 0 ? true : undefined), {
        withinMs: 2000,
        what: 'both tricks',
      });
      device.input[50] = 2;
      assert.equal((await pending).kind, 'accepted');
      device.onWrite = () => undefined;
      device.input[50] = 3;
      device.input[51] = 5;
      const { kind, reason } = await perform(settings);
      assert.deepEqual([kind, reason], ['refused', 'signature']);
      device.input[50] = 9;
      const silent = await perform({ ...settings, answerWithinMs: 30 });
      assert.equal(silent.kind, 'silent');
      assert.match(silent.reason ?? '', /the status stayed 9 for 30 ms/);
      await assert.rejects(
        perform({ ...settings, statusRegister: 60_000 }),
        /status register cannot be read/,
      );
    });
  });

  describe('modbus-file-records', () => {
    const bytes = Buffer.from(Array.from({ length: 701 }, (_, at) => at & 0xff));
    const image = { name: 'app.bin', bytes, sha256: '' };
    const settings = {
      ...{ sizeRegister: 120, controlRegister: 122, beginValue: 1, endValue: 2, statusRegister: 50 },
      ...{
        verifiedValue: 2,
        refusedValue: 3,
        reasonRegister: 51,
        reasons: { 3: 'truncated', 5: 'signature' },
      },
      ...{ recordsPerFile: 200, registersPerRequest: 90, everyMs: 5, verifyWithinMs: 2000 },
    };
    const offer = (more: object = {}): Promise<Answer> =>
      adapter('ingress', 'modbus-file-records', { ...settings, ...more }, wire).offer(image);
    /** The device decides when the end is written. */
    const decides = (status: number, reason = 0): void => {
      server.device.onWrite = (address, [first]) => {
        if (address === 122 && first === 2) server.device.input.splice(50, 2, status, reason);
        if (address === 122 && first === 1) server.device.input.splice(50, 2, 1, 0);
        return undefined;
      };
    };

    it('carries every byte in order, over file boundaries, padded if odd', async () => {
      decides(2);
      const answer = await offer();
      assert.equal(answer.kind, 'accepted');
      assert.deepEqual(answer.delivery, { totalBytes: 701, acknowledgedBytes: 701, complete: true });
      assert.deepEqual(server.device.holding.slice(120, 123), [0, 701, 2]);
      const stored = Array.from({ length: 351 }, (_, at) =>
        server.device.files.get(`${1 + Math.floor(at / 200)}/${at % 200}`),
      );
      const back = Buffer.from(stored.flatMap((word) => [word! >> 8, word! & 0xff]));
      assert.equal(back.toString('hex'), bytes.toString('hex') + '00');
      assert.ok(server.requests.every((request) => request.length <= 1 + 253));
    });

    it('gives the device’s reason for a refusal at the end', async () => {
      decides(3, 5);
      const { kind, reason, stage, delivery } = await offer();
      assert.deepEqual([kind, reason, stage, delivery?.complete], ['refused', 'signature', 'verify', true]);
    });

    it('a refusal in the middle is one of the transfer, with what was delivered', async () => {
      decides(2);
      server.device.onRecord = (file, record) => {
        if (file !== 2) return undefined;
        server.device.input.splice(50, 2, 3, 3);
        return record === 0 ? 4 : undefined;
      };
      const { kind, reason, stage, delivery } = await offer();
      assert.deepEqual([kind, reason, stage], ['refused', 'truncated', 'transfer']);
      assert.deepEqual(delivery, { totalBytes: 701, acknowledgedBytes: 400, complete: false });
    });

    it('silence and close in the middle are no refusals', async () => {
      decides(2);
      server.device.onRecord = (file) => void (file === 2 && server.tricks.push('silent'));
      const silent = await offer();
      assert.deepEqual([silent.kind, silent.delivery?.acknowledgedBytes], ['silent', 580]);
      server.tricks.length = 0;
      server.device.onRecord = (file) => void (file === 2 && server.tricks.push('close'));
      assert.equal((await offer()).kind, 'closed');
    });

    it('asks a busy device again, and takes acknowledge for taken', async () => {
      decides(2);
      let refusals = 3;
      server.device.onRecord = () => ((refusals -= 1) >= 0 ? 6 : undefined);
      assert.equal((await offer()).kind, 'accepted');
      server.device.onRecord = () => 5;
      assert.equal((await offer()).delivery?.complete, true);
      server.device.onRecord = () => 6;
      const busy = await offer({ busyWithinMs: 30 });
      assert.deepEqual([busy.kind, busy.reason], ['refused', 'server device busy']);
    });

    it('a verdict that never comes is silence', async () => {
      decides(4);
      const { kind, delivery } = await offer({ verifyWithinMs: 40 });
      assert.deepEqual([kind, delivery?.complete], ['silent', true]);
    });

    it('a wire that cannot connect is the bench’s fault', async () => {
      await server.vanish();
      await assert.rejects(offer(), PortError);
    });
  });

  describe('modbus-file-records without an end', () => {
    const bytes = Buffer.from(Array.from({ length: 701 }, (_, at) => at & 0xff));
    const image = { name: 'app.bin', bytes, sha256: '' };
    const settings = {
      ...{ controlRegister: 122, beginValue: 1, endValue: 2, statusRegister: 50, verifiedValue: 2 },
      ...{ refusedValue: 3, reasonRegister: 51, reasons: { 3: 'truncated', 7: 'timeout' } },
      ...{ recordsPerFile: 200, registersPerRequest: 90, everyMs: 5, verifyWithinMs: 2000, busyWithinMs: 30 },
    };
    const ingress = (more: object = { sizeRegister: 120 }): AdapterRoles['ingress'] =>
      adapter('ingress', 'modbus-file-records', { ...settings, ...more }, wire);
    const stall: EndlessTransfer = { kind: 'stalls', bytes: 300, withinMs: 150 };
    let status: number[];
    let records: number;
    /** @param ends called when the record that is to be the last has come */
    const device = (ends: () => void = () => undefined): void => {
      status = server.device.input;
      status.splice(50, 2, 0, 0);
      records = 0;
      server.device.onWrite = (address, [first]) => {
        if (address === 122) status.splice(50, 2, first === 2 ? 3 : 1, first === 2 ? 3 : 0);
        return undefined;
      };
      server.device.onRecord = () => {
        if (status[50] !== 1) return 4;
        records += 1;
        if (records === 2) setTimeout(ends, 40);
        return undefined;
      };
    };

    it('names a transfer that never ends only where no size is announced', () => {
      assert.deepEqual(ingress().endless, ['stalls']);
      assert.deepEqual(ingress({}).endless, ['stalls', 'never-ends']);
    });

    it('stalls until the device refuses, with its reason and its time', async () => {
      device(() => status.splice(50, 2, 3, 7));
      const answer = await ingress().offerEndlessly!(image, stall);
      assert.deepEqual([answer.kind, answer.reason, answer.stage], ['refused', 'timeout', 'transfer']);
      assert.deepEqual(answer.delivery, { totalBytes: 701, acknowledgedBytes: 360, complete: false });
      assert.ok(answer.elapsedMs > 20 && answer.elapsedMs < 150, `${answer.elapsedMs} ms`);
      assert.equal(records, 2);
    });

    it('is closed when the status falls back, or when the next record is refused', async () => {
      device(() => status.splice(50, 1, 0));
      const idle = await ingress().offerEndlessly!(image, stall);
      assert.deepEqual([idle.kind, idle.reason], ['closed', 'the status went from 1 to 0']);
      device(() => (server.device.onRecord = () => 3));
      const wordless = await ingress().offerEndlessly!(image, stall);
      assert.deepEqual([wordless.kind, wordless.elapsedMs], ['closed', 0]);
    });

    it('is silent when the device takes one more record, and then ends it', async () => {
      device();
      const { kind, delivery } = await ingress().offerEndlessly!(image, stall);
      assert.deepEqual([kind, records, delivery?.complete], ['silent', 3, false]);
      assert.equal(server.device.holding[122], 2);
    });

    it('takes neither lost replies nor an unreadable status for an end', async () => {
      device(() => (server.always = 'silent'));
      await assert.rejects(ingress().offerEndlessly!(image, stall), TimeoutError);
      server.always = undefined;
      device();
      await assert.rejects(
        ingress({ statusRegister: 60_000 }).offerEndlessly!(image, stall),
        /status register cannot be read/,
      );
    });

    it('goes on without an end, its content repeated, until the device refuses or the bench gives up', async () => {
      device();
      const flood: EndlessTransfer = { kind: 'never-ends', bytes: 5000, withinMs: 100 };
      const taken = await ingress({}).offerEndlessly!(image, flood);
      assert.deepEqual([taken.kind, taken.delivery?.acknowledgedBytes], ['silent', 5000]);
      assert.equal(server.device.files.get('2/151'), 0x0001); // register 351 is the content's first again
      device();
      server.device.onRecord = (file) => (file > 4 ? 4 : undefined);
      const refused = await ingress({}).offerEndlessly!(image, flood);
      assert.deepEqual([refused.kind, refused.delivery?.acknowledgedBytes], ['refused', 4 * 400]);
    });
  });

  it('modbus-clock writes seconds since 1970', async () => {
    const set = (utc: string, more: object = {}): Promise<Answer> =>
      adapter('clock', 'modbus-clock', { address: 60, ...more }, wire).set(new Date(utc));
    assert.equal((await set('2026-11-29T05:40:24.900Z')).kind, 'accepted');
    assert.deepEqual(server.device.holding.slice(60, 62), [0x6b0b, 0xbac8]);
    await set('1970-01-01T00:00:05Z', { wordOrder: 'little' });
    assert.deepEqual(server.device.holding.slice(60, 62), [5, 0]);
    server.tricks.push({ exception: 3 });
    assert.equal((await set('2026-11-29T05:40:24Z')).kind, 'refused');
    await assert.rejects(set('1969-12-31T23:59:59Z'), /no u32 of seconds/);
  });

  describe('modbus-alarm-bit', () => {
    const objects = ['code', 'memory', 'configuration'];
    let alarms: { object: string; text: string; atMs: number; uncertaintyMs: number }[];
    let failures: unknown[];
    let stop: () => Promise<void>;
    const listen = async (more: object = {}): Promise<void> => {
      server.device.discrete.fill(false);
      server.device.discrete[0] = true; // active before listening: no alarm
      server.device.input.splice(29, 3, 0, 5, 0);
      alarms = [];
      failures = [];
      const settings = { objects, everyMs: 5, ...more };
      stop = await adapter('alarm', 'modbus-alarm-bit', settings, wire).listen(
        (alarm) => void alarms.push(alarm),
        (error) => void failures.push(error),
      );
    };
    afterEach(() => stop());
    const alarm = (count: number): Promise<true> =>
      until(() => (alarms.length >= count ? true : undefined), { withinMs: 3000, what: `alarm ${count}` });
    const polls = async (count: number): Promise<void> => {
      const target = server.requests.length + count;
      await until(() => (server.requests.length >= target ? true : undefined), {
        withinMs: 3000,
        what: 'polls',
      });
    };

    it('tells edges since listening, with the measured interval as uncertainty', async () => {
      await listen();
      server.device.discrete[1] = true;
      await alarm(1);
      assert.equal(alarms[0]!.object, 'memory');
      assert.ok(alarms[0]!.uncertaintyMs >= 5, `uncertainty ${alarms[0]!.uncertaintyMs} ms`);
      server.device.discrete[1] = false;
      await polls(3);
      server.device.discrete[1] = true;
      await alarm(2);
      await polls(3);
      assert.deepEqual(
        alarms.map(({ object }) => object),
        ['memory', 'memory'],
      );
      assert.deepEqual(failures, []);
    });

    it('tells an alarm raised again while latched by its sequence number, and one alarm once', async () => {
      await listen({ sequenceRegister: 29, objectRegister: 31 });
      server.device.input.splice(30, 2, 6, 3);
      await alarm(1);
      assert.equal(alarms[0]!.object, 'configuration');
      server.device.input.splice(30, 2, 7, 2);
      server.device.discrete[1] = true;
      await alarm(2);
      await polls(6);
      assert.deepEqual(
        alarms.map(({ object }) => object),
        ['configuration', 'memory'],
      );
    });

    it('bridges a lost poll, and reports a wire that stays silent', async () => {
      await listen({ failAfterPolls: 2 });
      server.tricks.push('silent');
      await polls(3);
      assert.deepEqual(failures, []);
      server.always = 'silent';
      const failure = await until(() => failures[0], { withinMs: 5000, what: 'the failure' });
      assert.match(String(failure), /TimeoutError: .*no reply/);
      server.always = undefined;
      server.device.discrete[2] = true;
      await alarm(1);
      assert.ok(alarms[0]!.uncertaintyMs > 200, 'the gap counts as uncertainty');
    });

    it('does not start listening on a dead wire', async () => {
      await listen();
      await stop();
      server.always = 'silent';
      await assert.rejects(listen(), TimeoutError);
    });
  });

  describe('modbus-command', () => {
    const settings = {
      ...{ address: 100, resultRegister: 40, acceptedValue: 1, pendingValues: [0], everyMs: 5 },
      ...{ reasons: { 3: 'replayed' }, resultWithinMs: 1000 },
    };
    const send = (message: Uint8Array, more: object = {}): Promise<Answer> =>
      adapter('messages', 'modbus-command', { ...settings, ...more }, wire).send(message);
    const message = Buffer.from('00010002deadbeef', 'hex');

    it('writes the message as one block and reads the result', async () => {
      server.device.onWrite = (address, values) => {
        assert.deepEqual([address, ...values], [100, 1, 2, 0xdead, 0xbeef]);
        server.device.input[40] = 0;
        setTimeout(() => (server.device.input[40] = 1), 20);
        return undefined;
      };
      assert.equal((await send(message)).kind, 'accepted');
    });

    it('gives the reason, and tells exception, silence and a pending result apart', async () => {
      server.device.input[40] = 3;
      const { kind, reason } = await send(message);
      assert.deepEqual([kind, reason], ['refused', 'replayed']);
      server.device.input[40] = 9;
      assert.equal((await send(message)).reason, 'code 9');
      server.tricks.push({ exception: 2 }, 'silent');
      assert.equal((await send(message)).reason, 'illegal data address');
      assert.equal((await send(message)).kind, 'silent');
      server.device.input[40] = 0;
      assert.equal((await send(message, { resultWithinMs: 30 })).kind, 'silent');
      await assert.rejects(send(Buffer.alloc(247)), /does not fit one block/);
    });
  });
});
