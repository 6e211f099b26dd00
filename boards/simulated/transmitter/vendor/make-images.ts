/**
 * Makes the committed images and, where they are missing, the test keys:
 * `npx tsx boards/simulated/transmitter/vendor/make-images.ts`. With the same keys it makes the same bytes.
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dataPath } from '../../paths.ts';
import { buildImage, HARDWARE_B } from './build-image.ts';
import { IMAGES } from './images.ts';
import { loadOrMakeKeys } from './signing-keys.ts';

const keys = loadOrMakeKeys();
const rows = IMAGES.map((listed) => {
  const bytes = buildImage({ ...listed, keys });
  writeFileSync(dataPath('transmitter', 'images', listed.file), bytes);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const hardware = (listed.hardware ?? HARDWARE_B) === HARDWARE_B ? 'B' : 'A';
  const counter = listed.counter === 0 ? 'none' : String(listed.counter);
  return `| ${[`\`${listed.file}\``, listed.version, counter, hardware, `\`${digest}\``, listed.purpose].join(' | ')} |`;
});
writeFileSync(
  dataPath('transmitter', 'images', 'README.md'),
  [
    '# Images of the simulated transmitter',
    '',
    'Made by `boards/simulated/transmitter/vendor/make-images.ts` with the public test keys of `boards/simulated/transmitter/keys`, each with both signatures. The payload is deterministic pseudo-code. The SHA-256 is that of the whole file, which is also the digest that the device reports when it runs the image.',
    '',
    '| file | version | counter | hardware | sha256 | purpose |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n'),
);
