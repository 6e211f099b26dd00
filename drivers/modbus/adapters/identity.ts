/** The device's identity by function 43/14. */

import { type AdapterModule } from '../../../harness/driver.ts';
import { registersOf } from './common.ts';
import { type IdentitySettings } from './settings.ts';

/** Source: Application Protocol V1.1b3, section 6.21, "MODBUS Device Identification" */
const standardNames: Readonly<Record<string, string>> = {
  0: 'vendor',
  1: 'productCode',
  2: 'revision',
  3: 'vendorUrl',
  4: 'productName',
  5: 'model',
  6: 'application',
};

export const identity: AdapterModule<'identity', IdentitySettings> = {
  name: 'modbus-identity',
  role: 'identity',
  create(settings, wire) {
    const registers = registersOf(wire);
    const names = Object.entries(settings.objects ?? standardNames).map(
      ([id, name]) => [Number(id), name] as const,
    );
    return {
      async read() {
        const objects = await registers.readDeviceIdentification(settings.level);
        return Object.fromEntries(
          names.flatMap(([id, name]) => {
            const value = objects.get(id);
            return value === undefined ? [] : [[name, value]];
          }),
        );
      },
    };
  },
};
