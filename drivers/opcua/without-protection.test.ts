import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import type { Answer } from '../../harness/capabilities.ts';
import { DeviceException, DriverError, explain, type BenchError } from '../../harness/errors.ts';
import { adapters } from './adapters.ts';
import { turnedAway } from './faults.ts';
import { loadOpcUa } from './library.ts';
import { selfSigned } from './pki.ts';
import { spec } from './settings.ts';
import { bench, stateFolder, type Bench, type SettingsInput } from './test/bench.ts';
import { startFakeServer, type FakeServer } from './test/fake-server.ts';
import { TestTap } from './test/test-tap.ts';

const node = (name: string): string => `nsu=urn:fieldproof:opcua-driver-test;s=Device${name}`;

type Action = { perform(): Promise<Answer> };
function adapter<T>(name: string, settings: object, { driver }: Bench): T {
  const parsed = spec.adapters.find((one) => one.name === name)?.settings.parse(settings);
  const found = adapters.find((one) => one.name === name);
  assert.ok(found !== undefined && parsed !== undefined, name);
  return found.create(parsed as never, driver) as T;
}

describe('opcua, what is done without protection', () => {
  let open: FakeServer;
  let closed: FakeServer;
  let made: Bench | undefined;
  let tap: TestTap | undefined;
  before(async () => {
    open = await startFakeServer();
    closed = await startFakeServer({ sessionsWithoutSecurity: false });
  });
  after(async () => {
    await open.stop();
    await closed.stop();
  });
  afterEach(async () => {
    await made?.dispose();
    await tap?.stop();
    made = tap = undefined;
  });

  async function on({ port }: { port: number }, settings: SettingsInput = {}, boardDir = ''): Promise<Bench> {
    made = await bench({ port, ...settings }, { boardDir });
    await made.driver.open();
    return made;
  }
  const write = { nodeId: node('.Setpoint'), type: 'Int16', value: 9 };

  it('opcua-write has its effect where sessions without security are served', async () => {
    const { kind } = await adapter<Action>('opcua-write', write, await on(open)).perform();
    assert.equal(kind, 'accepted');
    assert.equal(await made?.driver.nodes.read(write.nodeId), 9);
  });

  it('opcua-write and opcua-call are refused by the server itself where they are not', async () => {
    await on(closed);
    assert.ok(made);
    const call = { objectId: node(''), methodId: node('.Refuse') };
    for (const [name, settings] of [
      ['opcua-write', write],
      ['opcua-call', call],
    ] as const) {
      const { kind, reason } = await adapter<Action>(name, settings, made).perform();
      assert.equal(kind, 'refused');
      assert.match(String(reason), /^BadSecurity(Policy|Mode)Rejected$/);
    }
    await assert.rejects(made.driver.nodes.read(write.nodeId), (error: BenchError) =>
      /It offers .*SignAndEncrypt\/Basic256Sha256/.test(explain(error)),
    );
  });

  it('opcua-write never takes a wrong node id, a wrong type or a missing device for a refusal', async () => {
    const bad = [
      { ...write, nodeId: node('.NoSuchVariable') },
      { ...write, type: 'Double' },
    ];
    await on(open);
    for (const settings of bad) {
      assert.ok(made);
      await assert.rejects(adapter<Action>('opcua-write', settings, made).perform(), DeviceException);
    }
    await made?.dispose();
    await on({ port: 1 });
    assert.ok(made);
    await assert.rejects(
      adapter<Action>('opcua-write', write, made).perform(),
      (error: BenchError) => error.code === 'no-connection',
    );
  });

  describe('a refusal before the act', () => {
    const says = (status: string) => new DeviceException('opcua-status', status, { data: { status } });
    const anonymous = { kind: 'anonymous' } as const;
    const somebody = { kind: 'name', name: 'a', password: 'mistyped' } as const;
    const none = { securityMode: 'None', user: anonymous } as const;
    const answers: [string, Parameters<typeof turnedAway>[0], unknown, string | undefined][] = [
      ['no session without security', none, says('BadSecurityPolicyRejected'), 'BadSecurityPolicyRejected'],
      ['nobody unknown', none, says('BadIdentityTokenRejected'), 'BadIdentityTokenRejected'],
      ['a mistyped password', { ...none, user: somebody }, says('BadUserAccessDenied'), undefined],
      ['a server that is full', none, says('BadTooManySessions'), undefined],
      [
        'a certificate of ours',
        { ...none, securityMode: 'Sign' },
        says('BadSecurityChecksFailed'),
        undefined,
      ],
      ['our own error', none, new DriverError('any', 'any'), undefined],
    ];
    for (const [what, settings, error, expected] of answers) {
      it(`${expected === undefined ? 'is the bench’s trouble' : 'is an answer'}: ${what}`, () => {
        assert.equal(turnedAway(settings, error), expected);
      });
    }
  });

  it('opcua-command begins a connection anew when asked to', async () => {
    tap = new TestTap(open.port);
    await tap.listen();
    const settings = { objectId: node(''), methodId: node('.SendCommand'), accepted: [1] };
    type Messages = { send(message: Uint8Array): Promise<Answer>; renew(): Promise<void> };
    const messages = adapter<Messages>('opcua-command', settings, await on(tap));
    await messages.send(Uint8Array.of(1));
    await messages.send(Uint8Array.of(1));
    assert.equal(tap.connections, 1);
    await messages.renew();
    assert.equal((await messages.send(Uint8Array.of(1))).kind, 'accepted');
    assert.equal(tap.connections, 2);
    assert.deepEqual(made?.losses, []);
  });

  it('shows the application certificate that the board file names', async () => {
    const folder = await stateFolder();
    const own = await selfSigned(loadOpcUa(), {
      subject: '/CN=issued',
      purpose: 'application',
      applicationUri: 'urn:issued',
      validityDays: 30,
    });
    await writeFile(join(folder.stateDir, 'own.pem'), own.certificatePem);
    await writeFile(join(folder.stateDir, 'own.key'), own.keyPem);
    tap = new TestTap(open.port);
    await tap.listen();
    const clientCertificate = { certificateFile: 'own.pem', keyFile: 'own.key' };
    await on(tap, { securityMode: 'Sign', clientCertificate }, folder.stateDir);
    assert.equal(await made?.driver.nodes.read(node('.Version')), '1.2.0');
    const { raw } = new X509Certificate(own.certificatePem);
    assert.ok(Buffer.concat(tap.passed.toDevice).includes(raw), 'the certificate crossed the wire');
    await made?.dispose();
    const other = { clientCertificate: { ...clientCertificate, keyFile: 'none.key' } };
    const missing = await bench({ port: 1, ...other }, { boardDir: folder.stateDir });
    await assert.rejects(missing.driver.open(), (error: BenchError) => error.code === 'bad-certificate');
    await missing.dispose();
    await folder.remove();
  });
});
