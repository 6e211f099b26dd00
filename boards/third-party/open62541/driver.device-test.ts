/** Our OPC UA driver against another stack than the one that it is built on. */

import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { driverContract, type DriverFixture } from '../../../drivers/driver-contract.ts';
import { loadOpcUa } from '../../../drivers/opcua/library.ts';
import { selfSigned } from '../../../drivers/opcua/pki.ts';
import { bench, type SettingsInput } from '../../../drivers/opcua/test/bench.ts';
import { contractFixture } from '../../../drivers/opcua/test/contract-fixture.ts';
import { TestTap } from '../../../drivers/opcua/test/test-tap.ts';
import { explain, type BenchError } from '../../../harness/errors.ts';
import { whereInstalled } from '../device-tests.ts';
import { device, operator } from './device.ts';
import { itReadsAndWrites } from './node-space.ts';
import { id, replyWithinMs, serving, type Serving } from './serving.ts';

const keyPair = (name: string) => ({ certificateFile: `${name}.pem`, keyFile: `${name}.key` });
const secured = (['Sign', 'SignAndEncrypt'] as const).flatMap((securityMode) =>
  (['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const).map((securityPolicy) => ({
    securityMode,
    securityPolicy,
    clientCertificate: keyPair('bench'),
  })),
);
const person = { kind: 'name', ...operator } as const;
const none = { securityMode: 'None' } as const;
const encrypted = { ...secured[3], securityMode: 'SignAndEncrypt' } as const;
const nameOf = ({ securityMode, securityPolicy }: SettingsInput): string =>
  [securityMode, securityPolicy].filter((part) => part !== undefined).join(' ');

whereInstalled(device, () => {
  for (const [how, channels] of [
    ['open', [none]],
    ['guarded', secured],
  ] as const) {
    describe(`${how} server`, () => {
      const server = serving(how);
      for (const channel of channels) {
        driverContract(`opcua, ${nameOf(channel)}`, () => fixture(server, channel));
      }
    });
  }
  describe('guarded server: who may come', () => whoMayCome(serving('guarded')));
  describe('guarded server: nodes', () =>
    itReadsAndWrites(serving('guarded'), { ...encrypted, user: person }));
  describe('open server: a repeated sequence number', () => repeats(serving('open')));
  describe('server that gives no endpoints without security', () => undiscovered(serving('closed')));
});

function fixture(server: Serving, channel: SettingsInput): Promise<DriverFixture> {
  const settings = { ...channel, replyWithinMs, trust: 'this-run' } as const;
  return contractFixture(server.running().port, id('Device.Version'), settings, server.folder());
}

function whoMayCome(server: Serving): void {
  const statusOf = (error: BenchError): unknown => error.data['status'] ?? error.code;

  for (const channel of secured) {
    it(`a name and a certificate open ${nameOf(channel)}; a wrong password and a stranger do not`, async () => {
      assert.match(String(await server.reads({ ...channel, user: person })), /^v1\./);
      const engineer = { kind: 'certificate', ...keyPair('engineer') } as const;
      assert.match(String(await server.reads({ ...channel, user: engineer })), /^v1\./);
      const wrong = await server.refusal({ ...channel, user: { ...person, password: 'wr0ng-pass' } });
      assert.equal(statusOf(wrong), 'BadUserAccessDenied');
      assert.doesNotMatch(explain(wrong), /wr0ng-pass/);
      const stranger = await server.refusal({
        ...channel,
        user: { kind: 'certificate', ...keyPair('stranger') },
      });
      assert.equal(statusOf(stranger), 'BadIdentityTokenRejected');
      assert.match(explain(stranger), /must be trusted by the device/);
    });
  }

  it('an application that is not trusted: the server tells nothing, the driver says what it may be', async () => {
    for (const clientCertificate of [undefined, keyPair('stranger')]) {
      const error = await server.refusal({ ...encrypted, clientCertificate });
      assert.equal(statusOf(error), 'BadSecurityChecksFailed');
      assert.match(explain(error), /may not trust our client certificate/);
    }
  });

  it('an application whose certificate has expired', async () => {
    const expired = await selfSigned(loadOpcUa(), {
      subject: '/CN=expired',
      purpose: 'application',
      applicationUri: 'urn:fieldproof:bench',
      validityDays: 0.5, // it begins a day ago
    });
    writeFileSync(join(server.folder(), 'expired.pem'), expired.certificatePem);
    writeFileSync(join(server.folder(), 'expired.key'), expired.keyPem);
    writeFileSync(join(server.folder(), 'trusted', 'expired.pem'), expired.certificatePem);
    const error = await server.refusal({ ...encrypted, clientCertificate: keyPair('expired') });
    // Of an application that it trusts, it tells what is wrong.
    assert.match(explain(error), /server closed the connection with BadCertificateTimeInvalid/);
    assert.match(explain(error), /outside its dates/);
  });

  it('an application whose certificate has no application URI', async () => {
    copyFileSync(join(server.folder(), 'engineer.der'), join(server.folder(), 'trusted', 'engineer.der'));
    const error = await server.refusal({ ...encrypted, clientCertificate: keyPair('engineer') });
    assert.equal(statusOf(error), 'BadCertificateUriInvalid');
  });

  it('the pinned server, and no other', async () => {
    const pinned = { ...encrypted, trust: 'pinned' } as const;
    assert.match(String(await server.reads({ ...pinned, serverCertificate: 'server.pem' })), /^v1\./);
    const error = await server.refusal({ ...pinned, serverCertificate: 'stranger.pem' });
    assert.equal(error.code, 'server-certificate-changed');
  });

  it('nobody without security: the server itself says so, and what it offers is told', async () => {
    const error = await server.refusal({ ...none, user: person });
    assert.equal(statusOf(error), 'BadSecurityPolicyRejected');
    assert.match(explain(error), /It offers .*SignAndEncrypt\/Aes256_Sha256_RsaPss/);
  });

  it('nobody writes or calls without a name', async () => {
    const { driver } = await server.open(encrypted);
    const write = driver.nodes.write(id('Device.Setpoint'), { type: 'Int32', value: 7 });
    await assert.rejects(write, (error: BenchError) => statusOf(error) === 'BadUserAccessDenied');
    const call = driver.nodes.call(id('Device'), id('Device.Command'), [{ type: 'ByteString', value: '00' }]);
    await assert.rejects(call, (error: BenchError) => /Check .*"user"/.test(explain(error)));
  });
}

function undiscovered(server: Serving): void {
  it('is asked for nothing when its certificate is pinned; else the driver says so', async () => {
    const pinned = { ...encrypted, trust: 'pinned', serverCertificate: 'server.pem' } as const;
    assert.match(String(await server.reads(pinned)), /^v1\./);
    const error = await server.refusal(encrypted);
    assert.equal(error.data['status'], 'BadSecurityPolicyRejected');
    assert.match(explain(error), /trust: pinned/);
  });
}

/** The library looks at sequence numbers whatever the policy: nothing in its configuration turns that off. */
function repeats(server: Serving): void {
  for (const channel of [none, ...secured]) {
    it(`closes the channel: ${nameOf(channel)}`, async () => {
      const { port } = server.running();
      const tap = new TestTap(port);
      await tap.listen();
      const settings = { ...channel, port, replyWithinMs, tap: 'tap' };
      const made = await bench(settings, {
        boardDir: server.folder(),
        dependencies: { tap: tap.asDriver() },
      });
      try {
        await made.driver.open();
        const [attack] = made.driver.attacks;
        await attack?.control();
        const outcome = await attack?.perform();
        assert.equal(outcome?.answer.kind, 'refused', JSON.stringify(outcome));
        assert.equal(outcome?.answer.reason, 'BadSecurityChecksFailed');
        assert.deepEqual([outcome?.tookEffect, outcome?.connectionClosed], [false, true]);
        await attack?.control();
      } finally {
        await made.dispose();
        await tap.stop();
      }
    });
  }
}
