/** OpenSSL's verification of CMS, against ours: on the attacks of SWUpdate images that concern their signature. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource } from '../../../harness/image/byte-source.ts';
import { scanCpio } from '../../../harness/image/codec/cpio.ts';
import { swupdate } from '../../../harness/image/formats/swupdate/index.ts';
import type { ImageFormat } from '../../../harness/image/format.ts';
import type { Outcome, RealVerifier } from '../real-verifier.ts';
import { byExitCode, must, ran } from '../run-tool.ts';
import { makeSwupdateImages } from '../swupdate-images.ts';

/** Attacks whose outcome the signature decides, and nothing else of the image. */
const concerned =
  /-(strip-signature|signature-(empty|first-byte|last-byte|transplanted)|unknown-key|edge|cms|certificate|description-(version|hardware|script|comment|nul|bit)|signed-control)/;

const signatures: ImageFormat = {
  ...(swupdate as ImageFormat),
  mutations: (swupdate as ImageFormat).mutations.filter(({ id }) => concerned.test(id)),
};

export const verifier: RealVerifier = {
  name: 'openssl-cms',
  packages: ['openssl', 'cpio'],
  version() {
    try {
      ran('cpio', ['--version']);
      return must('openssl', ['version']).trim();
    } catch {
      return undefined;
    }
  },
  images(folder) {
    return makeSwupdateImages(folder, (file) => `/dev/${file}`).map((fixture) => ({
      name: fixture.name,
      path: fixture.path,
      secondPath: fixture.secondPath,
      keys: fixture.root.keys,
      testKey: fixture.testKey,
      policy: { certificateTime: 'checked', certificatePurpose: 'checked' },
      format: signatures,
      ask: (path) => verify(folder, path, fixture.root.path),
    }));
  },
};

function verify(cwd: string, path: string, root: string): Outcome {
  const bytes = readFileSync(path);
  const [description, signature] = scanCpio(bytesSource(bytes)).entries;
  if (description?.name !== 'sw-description' || signature?.name !== 'sw-description.sig') {
    return { verdict: 'refuses', log: 'no signature' };
  }
  writeFileSync(join(cwd, 'content'), bytes.subarray(description.dataStart, description.dataEnd));
  writeFileSync(join(cwd, 'signature'), bytes.subarray(signature.dataStart, signature.dataEnd));
  return byExitCode(
    ran(
      'openssl',
      [
        ...['cms', '-verify', '-inform', 'DER', '-in', 'signature', '-binary', '-content', 'content'],
        ...['-CAfile', root, '-no-CApath', '-no-CAstore', '-purpose', 'smimesign', '-out', '/dev/null'],
      ],
      { cwd },
    ),
  );
}
