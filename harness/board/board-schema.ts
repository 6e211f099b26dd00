/**
 * What a board file may hold. One description for checking, for types and for the editors' JSON Schema: the three
 * differ only in how exactly a wire's and an adapter's own settings are known ({@link BoardParts}).
 */

import { z } from 'zod';
import type { AdapterRole } from '../driver.ts';
import { itemName, kebab } from './names.ts';
import { profileSchema } from './profile-schema.ts';

/** One wire: the kind of driver and its settings, in which references may still stand. */
export interface WireEntry {
  driver: string;
  /** Not yet parsed by the driver's schema; see `resolveSettings`. */
  settings: Readonly<Record<string, unknown>>;
}

/** One use of an adapter: its name, the wire that it works on, its settings. */
export interface AdapterUse {
  adapter: string;
  wire: string;
  role: AdapterRole;
  /** Not yet parsed by the adapter's schema; see `resolveSettings`. */
  settings: Readonly<Record<string, unknown>>;
}

/** A way in for firmware; `activate` where starting an image differs for this way in. */
export interface IngressUse extends AdapterUse {
  activate?: AdapterUse;
}

/** The parts whose settings belong to the drivers. */
export interface BoardParts {
  wire: z.ZodType<WireEntry>;
  adapter: (role: AdapterRole) => z.ZodType<AdapterUse>;
  ingress: (activate: z.ZodType<AdapterUse>) => z.ZodType<IngressUse>;
}

export const sha256Hex = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits are needed (sha256sum FILE)')
  .describe('SHA-256 of the file, 64 lower-case hex digits; checked when the board is loaded');

/** What an image in `images:` is for; cases ask for these names. */
export const imageRoles = {
  golden: 'The genuine image that the device runs at the start; every attack starts from it',
  pair: 'A second genuine image that may alternate with the golden one (controls: way pair)',
  newer: 'Genuine and newer than golden',
  older: 'Genuine and older than golden, with a lower security counter',
  equalCounter: 'Genuine, same security counter as golden, lower version',
  lowerCounter: 'Genuine, lower security counter, higher version text',
  noCounter: 'Genuine, without a security counter',
  maximumCounter: 'Genuine, with the highest security counter that the format can hold',
  otherHardware: 'Genuine, for another hardware or vendor',
  crashing: 'Genuine and newer, and crashes soon after it was started',
  hanging: 'Genuine and newer, and hangs soon after it was started',
  lowerNumber: 'Genuine, with a version that is lower as numbers and higher as text: 1.9 beside 1.10',
  preRelease: 'Genuine, a pre-release of the golden version: 1.10.0-rc.1 beside 1.10.0',
  noVersion: 'Genuine, without a version',
  expired: 'Genuine, not newer, and its metadata has expired',
  newerExpired: 'Genuine and newer, and its metadata has expired',
  staleComponent: 'Genuine and newer, with one component older than the installed one',
  olderUnderNewer: 'Genuine, with a newer manifest around older firmware',
  lengthOverflow: 'Signed by the vendor so that a length overflows and the signature covers only a part',
  unsignedCounter: 'Signed by the vendor without a security counter, and one added outside what is signed',
  oversize: 'Genuine, and larger than the device can hold',
  pathTraversal: 'Genuine, with a file that is to be written outside its place',
  bomb: 'Genuine, and far larger than the device can hold once it is unpacked',
} as const;
export type ImageRole = keyof typeof imageRoles;

/** Stimuli that can harm a device, allowed only by name. */
export const harmfulStimuli = {
  'power-cut-during-update': 'Cuts the supply while flash is written (RB-16 and its kin)',
  'power-cut-during-revert': 'Cuts the supply while the old image is put back',
  'counter-step': 'Raises the security counter for good: each run uses up one step',
  'maximum-counter': 'Offers an image with the highest counter: a faulty device may lock itself out for ever',
  'raw-flash-write': 'Writes flash behind the device’s back',
  'storage-exhaustion': 'Fills the device’s storage',
  'key-change': 'Tries to replace trust anchors or revoke keys',
} as const;
export type HarmfulStimulus = keyof typeof harmfulStimuli;

const image = z.strictObject({
  file: z.string().min(1).describe('Path of the image, relative to the board file'),
  sha256: sha256Hex,
});

const keyEncodings = ['text', 'hex', 'base64'] as const;

/** A key of text is taken as bytes by its encoding; a `!secret` file without one is taken byte for byte. */
const key = z.union([
  z.string().min(1).describe('`!secret path` (the file, byte for byte), or the key as text'),
  z
    .strictObject({
      value: z.string().min(1).describe('`!secret path`, `${ENV}`, or the key itself'),
      encoding: z.enum(keyEncodings).describe('How the key is written'),
    })
    .refine(({ value, encoding }) => encoding !== 'hex' || /^([0-9a-f]{2})+$/i.test(value), {
      error: 'not hex: pairs of hex digits are needed',
      path: ['value'],
    })
    .refine(({ value, encoding }) => encoding !== 'base64' || /^[A-Za-z0-9+/]+={0,2}$/.test(value), {
      error: 'not base64',
      path: ['value'],
    }),
]);
export type KeySource = z.output<typeof key>;

/** The schema of a whole board file over the given parts. */
export function boardSchema(parts: BoardParts) {
  const { wire } = parts;
  return z.strictObject({
    board: kebab.describe('Id of this bench position'),
    title: z.string().min(1).describe('Name for people'),
    declaration: z.string().min(1).describe('Path of the declaration (ICS/IXIT), relative to this file'),
    module: z
      .string()
      .regex(/\.(ts|mts|js|mjs)$/, 'a TypeScript or JavaScript module')
      .optional()
      .describe('A maker’s own profile module, relative to this file'),
    wires: z
      .record(kebab, wire)
      .refine((all) => Object.keys(all).length > 0, 'at least one wire is needed')
      .describe('The wires of this board by name'),
    profile: profileSchema(parts).describe('How this device does things, through adapters on wires'),
    images: z
      .strictObject(
        Object.fromEntries(
          Object.entries(imageRoles).map(([role, text]) => [role, image.optional().describe(text)]),
        ) as Record<ImageRole, z.ZodOptional<typeof image>>,
      )
      .extend({
        series: z
          .array(image)
          .optional()
          .describe('A stock of ever newer genuine images (controls: way series)'),
      })
      .optional()
      .describe('Genuine firmware images; attacks are made from them'),
    keys: z
      .record(itemName, key)
      .optional()
      .describe(
        'Keys by name: `commands` (of command messages), `maker` (public, PEM), `test` (private, PEM, trusted by this device for the test; with the certificates that belong to it behind it)',
      ),
    allow: z
      .array(z.enum(Object.keys(harmfulStimuli) as [HarmfulStimulus, ...HarmfulStimulus[]]))
      .optional()
      .describe('Stimuli that may harm the device, allowed by name'),
    safeState: z
      .strictObject({
        power: z.enum(['off', 'on', 'leave']).describe('How the supply is left when a run ends, in any way'),
      })
      .optional()
      .describe('State in which the device is left'),
  });
}
