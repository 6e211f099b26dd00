/** sbverify of sbsigntools: UEFI's view of a signed PE image, certificates given one by one. */

import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPublicKeys } from '../../../harness/image/crypto/public-key.ts';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { must, ran } from '../run-tool.ts';
import { peImages, signerFiles, type SignerFiles } from '../pe-images.ts';

/** A real EFI binary, where systemd-boot-efi is installed; our builder's otherwise. */
const stub = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';

export const verifier: RealVerifier = {
  name: 'sbverify',
  packages: ['sbsigntool', 'systemd-boot-efi'],
  version: () => {
    try {
      return /sbverify ([\d.]+)/.exec(ran('sbverify', ['--version']).text)?.[1];
    } catch {
      return undefined;
    }
  },
  images: (folder) => {
    const files = signerFiles(folder);
    const { base, older } = peImages(folder);
    const stubs = existsSync(stub) ? [image(files, folder, 'systemd stub', stub, undefined)] : [];
    return [image(files, folder, 'our own PE32+', base, older), ...stubs, twice(files, folder, base)];
  },
};

function image(
  { key, certificate }: SignerFiles,
  folder: string,
  name: string,
  unsigned: string,
  older: string | undefined,
): RealImage {
  const signed = (from: string, to: string): string => {
    const path = join(folder, `sb-${to}.efi`);
    must('sbsign', ['--key', key, '--cert', certificate, '--output', path, from]);
    return path;
  };
  return {
    ...described(name, certificate),
    path: signed(unsigned, name.replaceAll(' ', '-')),
    ...(older === undefined ? {} : { secondPath: signed(older, 'older') }),
  };
}

/** Two signatures: the second by the same tool over the first. */
function twice(files: SignerFiles, folder: string, unsigned: string): RealImage {
  const once = join(folder, 'sb-once.efi');
  const path = join(folder, 'sb-twice.efi');
  must('sbsign', ['--key', files.otherKey, '--cert', files.otherCertificate, '--output', once, unsigned]);
  copyFileSync(once, path);
  must('sbsign', ['--key', files.key, '--cert', files.certificate, '--output', path, once]);
  return { ...described('two signatures', files.certificate), path };
}

function described(name: string, certificate: string): Omit<RealImage, 'path'> {
  return {
    name,
    keys: readPublicKeys(readFileSync(certificate), 'signer'),
    policy: {},
    ask: (path) => ask(certificate, path),
  };
}

/** Its exit code is 0 exactly when it says that the signature is good. */
function ask(certificate: string, path: string): Outcome {
  const { code, text } = ran('sbverify', ['--cert', certificate, path], { withinMs: 10_000 });
  const good = text.includes('Signature verification OK');
  if (code === undefined) return { verdict: 'crashes', log: text };
  if (good !== (code === 0)) return { verdict: 'crashes', log: `exit code ${code}, and: ${text}` };
  return { verdict: good ? 'accepts' : 'refuses', log: text };
}
