/** OpenSSL’s command line: detached signatures by RSA, ECDSA and Ed25519, made and verified by `dgst` and `pkeyutl`. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource, materialise, type ByteSource } from '../../../harness/image/byte-source.ts';
import { readPublicKeys } from '../../../harness/image/crypto/public-key.ts';
import { readTestKey } from '../../../harness/image/crypto/test-key.ts';
import type { SignatureScheme } from '../../../harness/image/crypto/signature.ts';
import {
  detachedFormat,
  joinDetached,
  splitDetached,
} from '../../../harness/image/formats/detached/index.ts';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { byExitCode, must, ran } from '../run-tool.ts';

interface Setup {
  name: string;
  scheme: SignatureScheme;
  /** Arguments of `openssl genpkey`. */
  genpkey: readonly string[];
  sign(key: string, payload: string, signature: string): readonly string[];
  verify(key: string, payload: string, signature: string): readonly string[];
}

function dgst(options: readonly string[] = []): Pick<Setup, 'sign' | 'verify'> {
  return {
    sign: (key, payload, signature) => [
      'dgst',
      '-sha256',
      ...options,
      '-sign',
      key,
      '-out',
      signature,
      payload,
    ],
    verify: (key, payload, signature) => [
      'dgst',
      '-sha256',
      ...options,
      '-verify',
      key,
      '-signature',
      signature,
      payload,
    ],
  };
}

const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'];

const setups: readonly Setup[] = [
  {
    name: 'RSA-2048 PKCS #1 v1.5',
    scheme: { type: 'rsa-pkcs1', hash: 'sha256' },
    genpkey: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ...dgst(),
  },
  {
    name: 'RSA-2048 PKCS #1 v1.5, e = 3',
    scheme: { type: 'rsa-pkcs1', hash: 'sha256' },
    genpkey: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'],
    ...dgst(),
  },
  {
    name: 'RSA-2048 PSS',
    scheme: { type: 'rsa-pss', hash: 'sha256', saltBytes: 32 },
    genpkey: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ...dgst(pss),
  },
  {
    name: 'ECDSA P-256',
    scheme: { type: 'ecdsa', curve: 'p256', hash: 'sha256', encoding: 'der' },
    genpkey: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ...dgst(),
  },
  {
    name: 'Ed25519',
    scheme: { type: 'ed25519' },
    genpkey: ['-algorithm', 'ED25519'],
    sign: (key, payload, signature) => [
      'pkeyutl',
      '-sign',
      '-rawin',
      '-inkey',
      key,
      '-in',
      payload,
      '-out',
      signature,
    ],
    verify: (key, payload, signature) => [
      'pkeyutl',
      '-verify',
      '-rawin',
      '-pubin',
      '-inkey',
      key,
      '-in',
      payload,
      '-sigfile',
      signature,
    ],
  },
];

function make(setup: Setup, folder: string, index: number): RealImage {
  const at = (name: string): string => join(folder, `${index}-${name}`);
  const [privateKey, publicKey] = [at('private.pem'), at('public.pem')];
  must('openssl', ['genpkey', ...setup.genpkey, '-out', privateKey]);
  must('openssl', ['pkey', '-in', privateKey, '-pubout', '-out', publicKey]);
  const signed = (release: string): string => {
    const [payload, signature] = [at(`${release}.bin`), at(`${release}.sig`)];
    writeFileSync(payload, Buffer.alloc(20_000, `firmware of ${release}. `));
    must('openssl', setup.sign(privateKey, payload, signature));
    const files = [payload, signature].map((path) => bytesSource(readFileSync(path)));
    const [first, second] = files as [ByteSource, ByteSource];
    writeFileSync(at(`${release}.joined`), materialise(joinDetached(first, second)));
    return at(`${release}.joined`);
  };
  const path = signed('release-2');
  return {
    name: setup.name,
    path,
    secondPath: signed('release-1'),
    keys: readPublicKeys(readFileSync(publicKey), 'maker'),
    testKey: readTestKey(readFileSync(privateKey), 'maker'),
    policy: {},
    format: detachedFormat({ placement: 'detached', signatures: [{ scheme: setup.scheme }] }),
    ask: (attack) => ask(setup, publicKey, at('attack'), attack),
  };
}

/** `dgst` and `pkeyutl` leave nothing behind but their word, which must agree with the exit code. */
function ask(setup: Setup, publicKey: string, place: string, path: string): Outcome {
  const files = splitDetached(bytesSource(readFileSync(path)));
  if (files === undefined) return { verdict: 'refuses', log: 'no two files' };
  const [payload, signature] = [`${place}.bin`, `${place}.sig`];
  writeFileSync(payload, materialise(files.payload));
  writeFileSync(signature, materialise(files.signature));
  const outcome = ran('openssl', setup.verify(publicKey, payload, signature));
  const said = /Verified OK|Signature Verified Successfully/.test(outcome.text);
  if (outcome.code === 0 && !said)
    return { verdict: 'crashes', log: `exit code 0 without a word: ${outcome.text}` };
  return byExitCode(outcome);
}

export const verifier: RealVerifier = {
  name: 'openssl-dgst',
  packages: ['openssl'],
  version: () => {
    try {
      return must('openssl', ['version']).trim();
    } catch {
      return undefined;
    }
  },
  images: (folder) => setups.map((setup, index) => make(setup, folder, index)),
};
