/** What only a comparison with genuine envelopes tells: other hardware, lower and equal sequence numbers. */

import type { ByteSource } from '../../byte-source.ts';
import { digestOf } from '../../digest.ts';
import type { Policy } from '../../policy.ts';
import { parameters } from './labels.ts';
import type { SuitImage } from './parse.ts';
import type { Genuine } from './payloads.ts';
import { allParameters } from './program.ts';
import { no, type Refused } from './verify.ts';

/**
 * A genuine envelope itself is not judged: whether one is a step back depends on what the device has. Any other one is
 * held against the first, which the device has.
 */
export function checkAgainstGenuine(
  source: ByteSource,
  image: SuitImage,
  genuine: readonly Genuine[],
  policy: Policy,
): Refused | undefined {
  const [installed] = genuine;
  if (installed === undefined || genuine.some((one) => one.source === source)) return undefined;
  return checkHardware(image, genuine, policy) ?? checkCounter(source, image, installed, policy);
}

function checkHardware(
  image: SuitImage,
  genuine: readonly Genuine[],
  { hardwareCompatibility }: Policy,
): Refused | undefined {
  if (hardwareCompatibility !== 'checked') return undefined;
  const known = new Set(genuine.flatMap((one) => identifiersOf(one.image)));
  const strange = identifiersOf(image).find((identifier) => !known.has(identifier));
  return strange === undefined
    ? undefined
    : no('hardware', `it is for ${strange}, which no genuine envelope is`);
}

/** `vendor fa6b…`, `class 1492…`. */
function identifiersOf(image: SuitImage): string[] {
  return allParameters(image).flatMap(({ label, bytes }) => {
    if (bytes === undefined) return [];
    if (label === parameters.vendor) return [`vendor ${bytes.toString('hex')}`];
    return label === parameters.class ? [`class ${bytes.toString('hex')}`] : [];
  });
}

function checkCounter(
  source: ByteSource,
  image: SuitImage,
  installed: Genuine,
  { lowerVersion, equalCounter }: Policy,
): Refused | undefined {
  const own = image.manifest?.sequenceNumber ?? 0n;
  const floor = installed.image.manifest?.sequenceNumber ?? 0n;
  if (own < floor && lowerVersion !== 'accept') {
    return no('counter', `sequence number ${own} is below ${floor}`);
  }
  // The same manifest in another envelope is the same release, not another one with its number.
  if (own !== floor || equalCounter !== 'refuse') return undefined;
  if (manifestDigest(source, image).equals(manifestDigest(installed.source, installed.image)))
    return undefined;
  return no('counter', `another manifest with sequence number ${own}`);
}

function manifestDigest(source: ByteSource, { manifest }: SuitImage): Buffer {
  const { headEnd = 0, end = 0 } = manifest?.wrapper ?? {};
  return digestOf(source, 'sha256', { start: headEnd, end });
}
