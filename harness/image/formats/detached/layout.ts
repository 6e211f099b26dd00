/** How a payload and its signatures are put together, as data: what a board declares, or what is found by trying. */

import { z } from 'zod';
import { signatureBytes, signatureSchemeSchema, type SignatureScheme } from '../../crypto/signature.ts';

const unsigned = {
  type: z.enum(['u8', 'u16', 'u32', 'u64']).describe('Unsigned integer'),
  order: z.enum(['be', 'le']).default('be').describe('Byte order'),
};

const frameFieldSchema = z.discriminatedUnion('field', [
  z.strictObject({
    field: z.literal('signature').describe('A signature stands here'),
    of: z.int().min(0).describe('Which signature, from 0'),
  }),
  z.strictObject({
    field: z.literal('length').describe('A length stands here'),
    of: z
      .union([z.int().min(0), z.literal('frame')])
      .describe('Of which signature, or of all fields together'),
    ...unsigned,
  }),
  z.strictObject({
    field: z.literal('magic').describe('Fixed bytes stand here'),
    hex: z
      .string()
      .regex(/^([0-9a-f]{2})+$/, 'whole bytes in lower-case hex')
      .describe('The bytes, lower-case hex'),
  }),
  z.strictObject({
    field: z.literal('scheme').describe('The number of a scheme stands here'),
    value: z.int().min(0).describe('The number that stands for the scheme'),
    ...unsigned,
  }),
  z.strictObject({
    field: z.literal('reserved').describe('Bytes without meaning stand here'),
    bytes: z.int().min(1).max(4096).describe('How many'),
  }),
]);
export type FrameField = z.output<typeof frameFieldSchema>;

const headerSchema = z.strictObject({
  bytes: z
    .int()
    .min(1)
    .max(1024 * 1024)
    .describe('Size of the header'),
  fields: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9-]+$/, 'lower-case letters, digits, hyphens')
          .describe('`version` and `counter` are shown as such'),
        at: z.int().min(0).describe('Offset in the file'),
        ...unsigned,
      }),
    )
    .default([])
    .describe('Fields of the header that are worth showing and attacking'),
});

const signatureSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'lower-case letters, digits, hyphens')
    .optional()
    .describe('The scheme’s type when absent'),
  scheme: signatureSchemeSchema.describe('How it is made'),
  bytes: z.int().min(1).max(1_000_000).optional().describe('Length, where the scheme alone does not fix it'),
});

export const detachedLayoutSchema = z
  .strictObject({
    placement: z
      .enum(['detached', 'appended'])
      .describe('The signature in a file of its own, or behind the payload in the same file'),
    signatures: z
      .array(signatureSchema)
      .min(1)
      .max(4)
      .describe('The signatures, in the order of their numbers'),
    rule: z.enum(['all', 'any']).default('all').describe('Which of several signatures must be good'),
    covers: z.enum(['payload', 'header+payload']).default('payload').describe('What is signed'),
    header: headerSchema.optional().describe('Fields in front of the payload'),
    frame: z
      .array(frameFieldSchema)
      .min(1)
      .max(32)
      .optional()
      .describe('What follows the payload, in file order; the signatures alone when absent'),
  })
  .superRefine((layout, context) => {
    for (const message of contradictions(layout)) context.addIssue({ code: 'custom', message });
  });
export type DetachedLayout = z.output<typeof detachedLayoutSchema>;
/** As it is written: what has a default may be left out. */
export type DetachedLayoutInput = z.input<typeof detachedLayoutSchema>;

function contradictions(layout: DetachedLayout): string[] {
  const { signatures, placement, header } = layout;
  const frame = frameOf(layout);
  const wrong: string[] = [];
  const names = signatureNames(layout);
  if (new Set(names).size !== names.length) wrong.push('two signatures have the same name');
  for (const index of signatures.keys()) {
    const places = frame.filter((field) => field.field === 'signature' && field.of === index).length;
    if (places !== 1) wrong.push(`signature ${index} is ${places} times in the frame, not once`);
    if (lengthKnown(layout, index) || (placement === 'detached' && signatures.length === 1)) continue;
    wrong.push(`signature ${index} needs its bytes, or a length field behind it`);
  }
  for (const field of frame) {
    const of = field.field === 'signature' || field.field === 'length' ? field.of : 0;
    if (of !== 'frame' && of >= signatures.length) wrong.push(`there is no signature ${of}`);
  }
  for (const { name, at, type } of header?.fields ?? []) {
    if (at + integerBytes[type] > (header?.bytes ?? 0)) wrong.push(`${name} lies outside the header`);
  }
  if (layout.covers === 'header+payload' && header === undefined) wrong.push('there is no header to cover');
  return wrong;
}

function lengthKnown(layout: DetachedLayout, index: number): boolean {
  return governing(layout, index) !== undefined || fixedBytes(layout, index) !== undefined;
}

/** Length of a signature by declaration or scheme. */
export function fixedBytes(layout: DetachedLayout, index: number): number | undefined {
  const signature = layout.signatures[index];
  return signature === undefined ? undefined : (signature.bytes ?? signatureBytes(signature.scheme));
}

/** Index in the frame of the length field behind a signature that says how long it is. */
export function governing(layout: DetachedLayout, index: number): number | undefined {
  const frame = frameOf(layout);
  const place = frame.findIndex((field) => field.field === 'signature' && field.of === index);
  const found = frame.findIndex(
    (field, at) =>
      at > place &&
      field.field === 'length' &&
      (field.of === index || (field.of === 'frame' && layout.signatures.length === 1)),
  );
  return found < 0 ? undefined : found;
}

/** True when a signature of another length can stand in its place. */
export function isResizable(layout: DetachedLayout, index: number): boolean {
  return governing(layout, index) !== undefined || isRemainder(layout);
}

/** True when the signature is whatever its file holds beside the other fields. */
export function isRemainder(layout: DetachedLayout): boolean {
  return layout.placement === 'detached' && layout.signatures.length === 1;
}

export function frameOf(layout: DetachedLayout): readonly FrameField[] {
  return layout.frame ?? layout.signatures.map((_, of): FrameField => ({ field: 'signature', of }));
}

export function signatureNames(layout: DetachedLayout): string[] {
  return layout.signatures.map(({ name, scheme }) => name ?? scheme.type);
}

export function schemeOf(layout: DetachedLayout, index: number): SignatureScheme {
  const signature = layout.signatures[index];
  if (signature === undefined) throw new RangeError(`no signature ${index}`);
  return signature.scheme;
}

export const integerBytes = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/** Inexact beyond 2^53, which no file reaches. */
export function readInteger(bytes: Uint8Array, order: 'be' | 'le'): number {
  const digits = Buffer.from(bytes);
  if (order === 'le') digits.reverse();
  return Number(BigInt(`0x${digits.toString('hex') || '0'}`));
}

/** Undefined when the value does not fit. */
export function writeInteger(
  value: number,
  type: keyof typeof integerBytes,
  order: 'be' | 'le',
): Buffer | undefined {
  const width = integerBytes[type];
  if (value < 0 || BigInt(Math.trunc(value)) >= 1n << BigInt(8 * width)) return undefined;
  const bytes = Buffer.from(
    BigInt(Math.trunc(value))
      .toString(16)
      .padStart(2 * width, '0'),
    'hex',
  );
  return order === 'le' ? bytes.reverse() : bytes;
}
