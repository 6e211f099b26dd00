import { monotonicMs } from '../../harness/clock.ts';
import type { AdapterModule } from '../../harness/driver.ts';
import { DriverError } from '../../harness/errors.ts';
import { Medium } from './medium.ts';
import type { MediumImageSettings } from './settings.ts';

/**
 * Offers a firmware image by writing it onto the medium.
 *
 * `accepted` says that it stands there, read back, and nothing of the device, which has not been asked yet: that it
 * read the medium is shown by what it does at `activate`. Silence and refusal cannot come: whatever goes wrong here is
 * the bench's, and thrown.
 */
export const mediumImageAdapter: AdapterModule<'ingress', MediumImageSettings> = {
  name: 'medium-image',
  role: 'ingress',
  create(_settings, wire) {
    if (!(wire instanceof Medium)) {
      throw new DriverError(
        'wrong-wire',
        `the adapter medium-image needs a medium; ${wire.name} is ${wire.kind}`,
        { hint: 'Name a wire whose driver is medium.' },
      );
    }
    return {
      offer: async ({ bytes }) => {
        const startedAtMs = monotonicMs();
        await wire.write(bytes);
        return {
          kind: 'accepted',
          reason: 'on the medium, read back; the device has not been asked yet',
          stage: 'transfer',
          delivery: { totalBytes: bytes.length, acknowledgedBytes: bytes.length, complete: true },
          elapsedMs: monotonicMs() - startedAtMs,
        };
      },
    };
  },
};
