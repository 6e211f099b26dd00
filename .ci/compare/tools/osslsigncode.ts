/** osslsigncode: Authenticode as Windows has it, with chains, purposes and times. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPublicKeys } from '../../../harness/image/crypto/public-key.ts';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { must, ran } from '../run-tool.ts';
import { peImages, signerFiles, testKeyOf, type SignerFiles } from '../pe-images.ts';

export const verifier: RealVerifier = {
  name: 'osslsigncode',
  packages: ['osslsigncode'],
  version: () => {
    try {
      return /osslsigncode ([\d.]+)/.exec(ran('osslsigncode', ['--version']).text)?.[1];
    } catch {
      return undefined;
    }
  },
  images: (folder) => {
    const files = signerFiles(folder);
    const { base, older, small } = peImages(folder);
    return [
      image(files, folder, 'PE32+, signer', base, older),
      image(files, folder, 'PE32, authority', small, undefined, 'authority'),
    ];
  },
};

function image(
  files: SignerFiles,
  folder: string,
  name: string,
  unsigned: string,
  older: string | undefined,
  testKey: 'signer' | 'authority' = 'signer',
): RealImage {
  const signed = (from: string): string => {
    const path = from.replace(/\.efi$/, '-ossl.efi');
    must('osslsigncode', [
      ...['sign', '-certs', files.certificate, '-key', files.key, '-ac', files.root],
      ...['-in', from, '-out', path],
    ]);
    return path;
  };
  return {
    name,
    path: signed(unsigned),
    ...(older === undefined ? {} : { secondPath: signed(older) }),
    keys: readPublicKeys(readFileSync(files.root), 'root'),
    testKey: testKeyOf(files, testKey),
    policy: { certificateTime: 'checked', certificatePurpose: 'checked' },
    ask: (path) => ask(join(folder, 'root.pem'), path),
  };
}

/** Its last word; the exit code has been 0 for damaged tables. */
function ask(root: string, path: string): Outcome {
  const { code, text } = ran('osslsigncode', ['verify', '-CAfile', root, '-ignore-timestamp', path], {
    withinMs: 10_000,
  });
  if (code === undefined) return { verdict: 'crashes', log: text };
  const good =
    text.includes('Signature verification: ok') && !text.includes('Signature verification: failed');
  return { verdict: good && code === 0 ? 'accepts' : 'refuses', log: text };
}
