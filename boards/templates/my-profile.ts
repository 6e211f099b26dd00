/**
 * A maker's own profile: for what no adapter can say. Name it in the board file (`module: ./my-profile.ts`).
 * It is given the device as the board file describes it, and the open wires; what it returns replaces or adds.
 *
 * This example reads a process value that the device prints as hexadecimal hundredths of a degree.
 */

import { BenchError, type Device, type MakersProfile } from 'fieldproof';

export const profile: MakersProfile = (_device, wires): Partial<Device> => {
  const console = wires.get('console')?.console;
  if (console === undefined) throw new BenchError('no-console', 'this profile needs the wire "console"');
  return {
    process: {
      unit: '°C',
      changesWithinMs: 2000,
      read: async () => {
        console.skipToEnd();
        await console.send('temperature');
        const { groups } = await console.expect(/temperature=(?<hex>[0-9a-f]{4})/, { withinMs: 1000 });
        return Number.parseInt(groups['hex'] ?? '', 16) / 100;
      },
    },
  };
};
