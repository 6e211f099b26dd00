/** The vendor's releases of TR-1, and the images that it made for the test. */

import { HARDWARE_A, type ImageRecipe } from './build-image.ts';

export interface ListedImage extends Omit<ImageRecipe, 'keys'> {
  file: string;
  purpose: string;
}

/** A length to which the header's 32 bytes are added in 32 bits: 16 is left. */
const OVERFLOWING = { statedBytes: 0xfffffff0, signedBytes: 16 } as const;

export const IMAGES: readonly ListedImage[] = [
  image('golden-2.1.0.bin', '2.1.0', 3, 'factory content of the slot'),
  image('pair-2.1.1.bin', '2.1.1', 3, 'alternates with the golden image'),
  image('older-2.0.0.bin', '2.0.0', 2, 'a genuine older release'),
  image('newer-2.2.0.bin', '2.2.0', 4, 'a genuine newer release'),
  image('lower-counter-2.9.0.bin', '2.9.0', 2, 'higher version text, lower counter'),
  image('equal-counter-2.0.9.bin', '2.0.9', 3, 'lower version text, equal counter'),
  image('no-counter-2.3.0.bin', '2.3.0', 0, 'no security counter'),
  image('maximum-counter-2.3.1.bin', '2.3.1', 0xffffffff, 'the highest counter of the format'),
  { ...image('other-hardware-2.2.0.bin', '2.2.0', 4, 'genuine, for hardware A'), hardware: HARDWARE_A },
  { ...image('oversize-2.4.0.bin', '2.4.0', 4, 'genuine, larger than a slot'), payloadBytes: 40 * 1024 },
  {
    ...image('length-overflow-2.4.1.bin', '2.4.1', 4, 'signed over 16 bytes, to which its length overflows'),
    ...OVERFLOWING,
  },
];

function image(file: string, version: string, counter: number, purpose: string): ListedImage {
  return { file, version, counter, purpose };
}
