/** SIG-27: images that are too large, or want to be written elsewhere; the device refuses them and frees its room. */

import { createHash } from 'node:crypto';
import {
  controlUpdate,
  firmwareOf,
  forgeries,
  NotExecuted,
  offerForbidden,
  primaryIngress,
  readState,
  type CaseContext,
  type FirmwareImage,
  type FirmwareState,
  type ForbiddenImage,
} from '../../harness/index.ts';
import { eitherOf, vendors } from '../either.ts';
import { mustTakeLegitimateUpdate } from '../still-serviceable.ts';

/** Bytes behind the declared room. */
const beyondBytes = 4096;

/** @throws NotExecuted when there is not a single such image */
export async function mustWithstandExhaustion(t: CaseContext): Promise<void> {
  const ingress = primaryIngress(t);
  const images = exhausting(t);
  const baseline = await controlUpdate(t, 'before', ingress);
  await offerForbidden(t, ingress, images, {
    baseline,
    closing: async () => mustFreeStorage(t, ingress, images[0], await readState(t, 'after the attacks')),
  });
}

/** The first of them once more, and a legitimate update at once: nothing was restarted that would free the room. */
async function mustFreeStorage(
  t: CaseContext,
  ingress: string,
  forbidden: ForbiddenImage | undefined,
  before: FirmwareState,
): Promise<FirmwareState> {
  if (forbidden !== undefined) {
    const { image, alteration, rationale } = forbidden;
    t.stimulus({ name: `${alteration}, again`, rationale, ingress, image });
    t.answered(alteration, await firmwareOf(t).offer(image, ingress));
  }
  return mustTakeLegitimateUpdate(t, ingress, before, 'exhausting images');
}

function exhausting(t: CaseContext): ForbiddenImage[] {
  const why = 'an update must not be able to exhaust the device or to leave its place';
  return eitherOf(
    t,
    () => tooLong(t),
    vendors(t, 'oversize', 'genuine image larger than the device can hold', why),
    vendors(t, 'pathTraversal', 'genuine image with a file outside its place', why),
    vendors(t, 'bomb', 'genuine image that is far too large once unpacked', why),
    () => made(t),
  );
}

/** The golden image, padded beyond the declared room: anybody on the way can do that. */
function tooLong(t: CaseContext): ForbiddenImage[] {
  const { storageBytes } = t.update;
  if (storageBytes === undefined) {
    throw new NotExecuted('storage-undeclared', 'how much the device can hold is not declared', {
      hint: 'Declare update.storageBytes.',
    });
  }
  const golden = t.image('golden');
  const bytes = new Uint8Array(storageBytes + beyondBytes);
  bytes.set(golden.bytes.subarray(0, bytes.length));
  const image: FirmwareImage = {
    name: 'padded beyond the storage',
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  return [
    {
      image,
      alteration: `image padded to ${bytes.length} bytes, ${beyondBytes} more than the device can hold`,
      rationale: 'what does not fit must be refused, not wrapped round or cut',
      benignAs: golden,
    },
  ];
}

/** What the engine can make of the golden image; formats without such attacks have none. */
function made(t: CaseContext): ForbiddenImage[] {
  return forgeries(t, ['resource', 'injection'], {
    only: ['bomb', 'path-', 'oversize', 'size-overflow', 'nested', 'files-many', 'many-blocks'],
    survivable: true,
  });
}
