/** What a board file may say of a removable medium. Light: nothing is loaded to check a board file. */

import { z } from 'zod';
import type { DriverSpec } from '../../harness/driver.ts';

const argv = z.array(z.string().min(1)).min(1);

export const mediumSettings = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .describe(
        'The medium as the bench sees it: a block device (/dev/disk/by-id/…, not /dev/sdb), or a file that an emulator ' +
          'takes for a disk. A relative path starts at the board file. What it holds is overwritten.',
      ),
    offsetBytes: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe('Where the area begins that the device reads. Bytes from the start of the medium.'),
    areaBytes: z
      .number()
      .int()
      .positive()
      .max(4_294_967_296)
      .describe(
        'Length of the area that the device reads. All of it is written each time, so that nothing of an earlier image ' +
          'is left behind a shorter one.',
      ),
    fillByte: z
      .number()
      .int()
      .min(0)
      .max(255)
      .default(0xff)
      .describe(
        'What stands behind the image, to the end of the area. Take a value in which no genuine image ends: a raw ' +
          'medium carries no length, and an image cut inside such an end would be whole again.',
      ),
    toBenchCommand: argv
      .optional()
      .describe(
        'Program and arguments that hand the medium to the bench (a card multiplexer, a USB switch), one word each; no ' +
          'shell is involved. The path need only be there afterwards.',
      ),
    toDeviceCommand: argv.optional().describe('The same, to hand the medium to the device.'),
    appearsWithinMs: z
      .number()
      .int()
      .positive()
      .default(10_000)
      .describe('Time for the path to appear once the medium was handed to the bench. Milliseconds.'),
    withinMs: z.number().int().positive().default(30_000).describe('Time for each command. Milliseconds.'),
  })
  .refine((all) => (all.toBenchCommand === undefined) === (all.toDeviceCommand === undefined), {
    error: 'toBenchCommand and toDeviceCommand are needed together',
    path: ['toDeviceCommand'],
  });
export type MediumSettings = z.infer<typeof mediumSettings>;

export const mediumImage = z.strictObject({});
export type MediumImageSettings = z.infer<typeof mediumImage>;

export const spec: DriverSpec = {
  kind: 'medium',
  summary: 'A disk, card or stick that the bench writes and the device reads.',
  settings: mediumSettings,
  provides: ['path', 'areaBytes'],
  offers: [],
  adapters: [
    {
      name: 'medium-image',
      role: 'ingress',
      summary: 'A firmware image, raw, on a medium; give the ingress its own activate, which reads it.',
      settings: mediumImage,
    },
  ],
};
