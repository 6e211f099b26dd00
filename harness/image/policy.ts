/**
 * What a device declares about its updates, as far as it decides what is right to expect of an attack image. Absent
 * means not declared: then an expectation that depends on it stays open (class *policy*), and fails nobody.
 */

import { z } from 'zod';

const checked = z.enum(['checked', 'unchecked']);

export const policySchema = z.strictObject({
  appendedData: z.enum(['refuse', 'ignore']).describe('Data after the end of the image'),
  equalCounter: z.enum(['accept', 'refuse']).describe('An image whose security counter equals the floor'),
  lowerVersion: z
    .enum(['refuse', 'accept'])
    .describe('A genuine image with a lower version (without regard to a security counter)'),
  unsignedMetadata: z
    .enum(['refuse', 'ignore', 'use'])
    .describe('Unknown metadata outside what the signature covers: MCUboot’s TLV allow-list refuses it'),
  requiredSignature: z
    .enum(['configuration', 'image'])
    .describe('What must be signed in a FIT: a whole configuration, or each image by itself'),
  bootsConfiguration: z
    .enum(['default', 'named'])
    .describe(
      'Which configuration of a FIT boots: the default that the image names, or one that the loader names or picks by compatible',
    ),
  bundleFormats: z
    .array(z.enum(['plain', 'verity', 'crypt']))
    .min(1)
    .describe('Formats of RAUC bundles that the device takes'),
  hardwareCompatibility: checked.describe('Whether an image for other hardware is refused'),
  revocation: checked.describe('Whether revoked keys and certificates are refused'),
  certificateTime: checked.describe('Whether a certificate outside its time of validity is refused'),
  signerName: checked.describe('Whether another signer of the trusted authority is refused'),
  threshold: z
    .number()
    .int()
    .min(2)
    .describe('How many different signers an image needs; leave it out where one is enough'),
  certificatePurpose: checked.describe('Whether a certificate for another purpose is refused'),
  malleableSignatures: z
    .enum(['refuse', 'accept'])
    .describe('Other encodings of a valid signature: ECDSA with s above half the order, lenient DER'),
  loader: z
    .string()
    .min(1)
    .describe('Boot loader or update agent and its version, where behaviour differs: U-Boot 2026.04'),
});

/** Every part may be undeclared. */
export type Policy = Partial<z.output<typeof policySchema>>;
