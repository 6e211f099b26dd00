/** The shared parts of the engine that take hostile bytes by themselves: DER, keys and certificates, signatures. */

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { bytesSource } from '../../byte-source.ts';
import { derOid, scanDer, type DerNode } from '../../codec/der.ts';
import { readPublicKeys } from '../../crypto/public-key.ts';
import { verifyDigest, type DigestScheme } from '../../crypto/verify-digest.ts';
import { BoardFileError } from '../../../errors.ts';
import { counting, readingLimit } from '../contract.ts';
import type { DeclaredTarget } from './target.ts';

/** Self-signed, EC P-256, CN=fuzz; made with openssl req -x509, its key thrown away. */
const certificatePem = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUdMWoKJR6URbaMpG2nL+Gz9VeKQswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjIxMTM3NDZaGA8yMTI2MTAyOTExMzc0
NlowDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABA8B
wT7X5Jzx+ENP2USNiO2j+rZ8llB37hHT1rtigH37K6dmASYCVb/dersoYnd4h0N5
uxxhahXtMlnQhJjdMJGjUzBRMB0GA1UdDgQWBBRlxb7U0cnv+wt1dFB+k/pK8pIM
FTAfBgNVHSMEGDAWgBRlxb7U0cnv+wt1dFB+k/pK8pIMFTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQD86zLxj1Go2JT5ImCB8A/vnF31ZSqbaK21
7xZNSUJT3wIhAOzK1mVp3KWymHPRlRNknBMITnBrUMZeN0oSYMSTSaqM
-----END CERTIFICATE-----
`;

export const fuzzTargets: readonly DeclaredTarget[] = [derTarget(), publicKeyTarget(), signatureTarget()];

/** Elements lie inside one another and in order, and reading is bounded. */
function derTarget(): DeclaredTarget {
  return {
    name: 'codec-der',
    seeds: () => [
      keyPair().publicKey.export({ type: 'spki', format: 'der' }),
      Buffer.from('30800401000000', 'hex'),
    ],
    run: (bytes) => {
      const source = counting(bytes);
      const { nodes, issues, end } = scanDer(source);
      assertNested(nodes, 0, bytes.length);
      assert.ok(end <= bytes.length, `the scan ends at ${end} of ${bytes.length}`);
      for (const { at, code } of issues) assert.ok(at >= 0 && at <= bytes.length, `${code} at ${at}`);
      const limit = readingLimit(bytes.length);
      assert.ok(source.bytesRead <= limit.bytes && source.reads <= limit.reads, `${source.reads} reads`);
      return [...issues.map(({ code }) => code), `nodes:2^${Math.ceil(Math.log2(1 + nodes.length))}`];
    },
  };

  function assertNested(nodes: readonly DerNode[], start: number, end: number): void {
    let at = start;
    for (const node of nodes) {
      assert.equal(node.start, at, 'elements follow one another');
      assert.ok(node.valueStart <= node.end || node.end === end, 'a value does not end before it begins');
      assert.ok(node.end > node.start && node.end <= end, 'an element lies inside what contains it');
      derOid(bytesSource(new Uint8Array(0)), node);
      assertNested(node.children, node.valueStart, node.end);
      at = node.end;
    }
  }
}

/** A file that is no key is refused with an error of the bench that says so, and with nothing else. */
function publicKeyTarget(): DeclaredTarget {
  return {
    name: 'crypto-public-key',
    seeds: () => {
      const { publicKey, privateKey } = keyPair();
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
      return [
        publicKey.export({ type: 'spki', format: 'der' }),
        rsa.export({ type: 'pkcs1', format: 'der' }),
        Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })),
        Buffer.from(rsa.export({ type: 'pkcs1', format: 'pem' })),
        Buffer.from(certificatePem),
        // refused, and the way to it is worth covering
        Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      ];
    },
    run: (bytes) => {
      try {
        return [`keys:${readPublicKeys(bytes, 'fuzz').length}`];
      } catch (refusal) {
        if (!(refusal instanceof BoardFileError)) throw refusal;
        return [refusal.code];
      }
    },
  };
}

/** A signature check answers, whatever the signature, and takes none but the genuine one. */
function signatureTarget(): DeclaredTarget {
  const digest = Buffer.alloc(32, 5);
  const { publicKey, privateKey } = keyPair();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const schemes: readonly { key: KeyObject; scheme: DigestScheme }[] = [
    { key: publicKey, scheme: { type: 'ecdsa', encoding: 'der' } },
    { key: publicKey, scheme: { type: 'ecdsa', encoding: 'p1363' } },
    { key: rsa.publicKey, scheme: { type: 'rsa-pkcs1', hash: 'sha256' } },
    { key: rsa.publicKey, scheme: { type: 'rsa-pss', hash: 'sha256' } },
  ];
  return {
    name: 'crypto-verify-digest',
    seeds: () => [
      sign('sha256', digest, privateKey),
      sign('sha256', digest, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      sign('sha256', digest, rsa.privateKey),
    ],
    run: (bytes) =>
      // The seeds are signatures of another digest, so none is good here.
      schemes.map(({ key, scheme }) => {
        const check = verifyDigest(key, scheme, digest, bytes);
        assert.ok(!check.good, `${scheme.type}: a signature of something else is good`);
        return `${scheme.type}:${check.why.replace(/\d+/g, 'N').slice(0, 60)}`;
      }),
  };
}

function keyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
