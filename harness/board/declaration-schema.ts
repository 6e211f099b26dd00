/**
 * The declaration (ICS/IXIT): what the maker says of the device. Frozen and hashed before the first case; what it
 * says decides what is expected, and what it leaves out is not expected to be there.
 */

import { z } from 'zod';
import { stages } from '../capabilities.ts';
import { detachedLayoutSchema } from '../image/formats/detached/layout.ts';
import { policySchema, type Policy } from '../image/policy.ts';
import { itemName, kebab } from './names.ts';
import { checkCommands, commandsSchema } from './declaration-commands.ts';

const milliseconds = z.number().int().positive().max(86_400_000);

/** What a device can watch for integrity, in the words that alarms use. */
export const integrityObjects = [
  'code',
  'memory',
  'process-list',
  'monitor',
  'baseline',
  'configuration',
  'model',
  'boot',
  'update',
] as const;
export type IntegrityObject = (typeof integrityObjects)[number];

export const firmwareFormats = [
  'mcuboot',
  'fit',
  'swupdate',
  'rauc',
  'suit',
  'esp',
  'pe',
  'detached',
  'opaque',
] as const;
export type FirmwareFormat = (typeof firmwareFormats)[number];

const device = z.strictObject({
  vendor: z.string().min(1).describe('Maker, as the device reports it'),
  model: z.string().min(1).describe('Model, as the device reports it'),
  hardware: z.string().min(1).optional().describe('Hardware revision'),
  serial: z.string().min(1).optional().describe('Serial number of the very item under test; in quotes'),
  firmware: z.string().min(1).optional().describe('Version that runs at the start of the run; in quotes'),
});

const ingress = z.strictObject({
  refusesAt: z
    .array(z.enum(stages))
    .min(1)
    .describe('Stages at which this way in refuses a bad image; the last is the latest allowed'),
  answersWithinMs: milliseconds.describe('Longest time from the end of the transfer to the answer'),
});

const update = z
  .strictObject({
    format: z.enum(firmwareFormats).describe('Format of the firmware images'),
    signature: detachedLayoutSchema
      .optional()
      .describe('Only for format detached: how payload and signatures are put together in the image file'),
    bootsWithinMs: milliseconds.describe('Longest time from reset to a device that does its job'),
    activation: z
      .enum(['lasting', 'volatile'])
      .optional()
      .describe(
        'Whether an image that was started runs again after a power cycle (lasting, the default), or only until then, as with bootm of a boot loader (volatile)',
      ),
    confirmation: z.enum(['required', 'none']).describe('Whether a new image must be confirmed to stay'),
    unconfirmedReverts: z
      .boolean()
      .describe('Whether an image that nobody confirmed is swapped back at the next reset'),
    equalCounter: z
      .enum(['accept', 'refuse'])
      .describe('Policy for an image whose security counter equals the floor'),
    appendedData: z.enum(['refuse', 'ignore']).describe('Policy for data after the end of the image'),
    raisesFloorAt: z.enum(['confirm', 'install']).describe('When the counter floor is raised'),
    confirmWithinMs: milliseconds
      .optional()
      .describe('A trial that nobody confirms within this time after its start is swapped back'),
    revertsWithinMs: milliseconds
      .optional()
      .describe('Longest time from the start of an image that hangs or crashes to the old one doing its job'),
    endsStalledTransferWithinMs: milliseconds
      .optional()
      .describe('Longest time from the last byte of a transfer that stalls to the device’s ending it'),
    storageBytes: z.number().int().positive().optional().describe('Largest image that the device can hold'),
    invalidUpdates: z
      .strictObject({
        lockAfter: z.number().int().positive().describe('Refused images in a row after which it takes none'),
        lockedForMs: milliseconds.describe('How long it takes none'),
      })
      .optional()
      .describe('How the device limits the rate of invalid updates'),
    operatorOverride: z
      .enum(['refused', 'audited'])
      .optional()
      .describe('What comes of an operator’s wish for an older image: refused, or granted and audited'),
    expiredMetadata: z
      .enum(['refuse', 'accept-newer'])
      .optional()
      .describe('Policy for update metadata that has expired: refused always, or taken for a newer release'),
    olderUnderNewer: z
      .enum(['refuse', 'accept'])
      .optional()
      .describe('Policy for a newer manifest around older firmware'),
    clockUnset: z
      .enum(['refuse', 'ignore-time'])
      .optional()
      .describe('What the device does about times of validity while its clock is not set'),
    policy: policySchema
      .omit({ appendedData: true, equalCounter: true })
      .partial()
      .optional()
      .describe(
        'What else decides which images are taken; what is left out stays undecided, and fails nobody',
      ),
  })
  .check(({ value, issues }) => {
    const contradiction = (key: string, message: string): void =>
      void issues.push({ code: 'custom', input: value, path: [key], message });
    if (value.format === 'detached' && value.signature?.placement !== 'appended') {
      contradiction(
        'signature',
        'is needed for format detached, with placement appended: a device takes one file',
      );
    }
    if (value.format !== 'detached' && value.signature !== undefined) {
      contradiction('signature', `contradicts format ${value.format}, which has signatures of its own`);
    }
    if (value.activation === 'volatile' && value.confirmation === 'required') {
      contradiction(
        'confirmation',
        'contradicts activation: volatile; what is gone at the next reset cannot be confirmed',
      );
    }
    if (value.confirmation === 'none' && value.unconfirmedReverts) {
      contradiction(
        'unconfirmedReverts',
        'contradicts confirmation: none; without confirmation nothing is unconfirmed',
      );
    }
    if (value.confirmation === 'none' && value.raisesFloorAt === 'confirm') {
      contradiction('raisesFloorAt', 'contradicts confirmation: none; the floor would never be raised');
    }
  });

const controls = z.discriminatedUnion('way', [
  z.strictObject({
    way: z.literal('reinstall').describe('The golden image may be installed again and again'),
    left: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe('How many more installations the flash is good for'),
  }),
  z.strictObject({
    way: z.literal('pair').describe('Two images that may alternate (images golden and pair)'),
    left: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe('How many more installations the flash is good for'),
  }),
  z.strictObject({
    way: z.literal('series').describe('A stock of ever newer images (images series)'),
    left: z.number().int().nonnegative().describe('How many images of the stock are still unused'),
  }),
]);

const integrity = z
  .strictObject({
    detectionMs: milliseconds.describe('Longest time from a violation to its alarm'),
    perObjectDetectionMs: z
      .partialRecord(z.enum(integrityObjects), milliseconds)
      .optional()
      .describe('Where one object takes longer or shorter'),
    coverage: z.array(z.enum(integrityObjects)).min(1).describe('Objects whose violation is detected'),
    alarmWires: z.array(kebab).min(1).describe('Alarm wires of the board on which every alarm is told'),
    soakMs: milliseconds.describe('Time for which an untouched device raises no alarm'),
    atRest: z
      .enum(['not-booted', 'recovers', 'alarm-only'])
      .describe('What happens to code altered at rest: it is not booted, is replaced, or only told of'),
  })
  .check(({ value, issues }) => {
    for (const object of Object.keys(value.perObjectDetectionMs ?? {}) as IntegrityObject[]) {
      if (value.coverage.includes(object)) continue;
      const message = `contradicts coverage, which does not name ${object}`;
      issues.push({ code: 'custom', input: value, path: ['perObjectDetectionMs', object], message });
    }
  });

const replayLink = z.strictObject({
  mechanism: z
    .enum(['sequence-numbers', 'timestamps', 'nonces', 'service-off', 'none'])
    .describe(
      'What protects this link against replayed messages; none is a violation where protection is mandatory',
    ),
  reaction: z.enum(['closes', 'refuses', 'drops']).describe('How a replayed message is met'),
  answersWithinMs: milliseconds.describe('Longest time from the replayed message to the reaction'),
});

const auditEvent = z.strictObject({
  event: z.string().min(1).describe('Name of the event in the log'),
  object: z.string().min(1).optional().describe('Object that the record names'),
  result: z.string().min(1).optional().describe('Result that the record names'),
});

const audit = z.strictObject({
  withinMs: milliseconds.describe('Longest time from the incident to its record'),
  updateRefused: auditEvent.optional().describe('A firmware image was refused'),
  updateInstalled: auditEvent.optional().describe('A firmware image was installed'),
  bootRefused: auditEvent.optional().describe('The boot loader refused an image'),
  commandRefused: auditEvent.optional().describe('A command message was refused'),
  channelClosed: auditEvent.optional().describe('A secure channel was closed for a protocol violation'),
  integrityAlarm: auditEvent.optional().describe('The integrity monitor found a violation'),
  configurationChanged: auditEvent.optional().describe('The configuration was changed'),
  factoryReset: auditEvent.optional().describe('The device was reset to factory values'),
  imageReverted: auditEvent.optional().describe('An image gave way to the one before it'),
  overrideUsed: auditEvent.optional().describe('An operator asked for, or was granted, an older image'),
  metadataExpired: auditEvent.optional().describe('Update metadata had expired'),
  transferEnded: auditEvent.optional().describe('A transfer that did not end was ended by the device'),
});

const notApplicable = z.strictObject({
  requirement: z
    .string()
    .regex(/^FP-[A-Z]+-\d+$/, 'a requirement of the catalogue, such as FP-REP-4')
    .describe('Conditional requirement of the catalogue that does not apply'),
  reason: z.string().min(10, 'say why, in a sentence').describe('Why it does not apply to this device'),
  agreedBy: z.string().min(1).describe('Who agreed: name and organisation'),
});

/** The schema of a declaration file. */
export const declarationSchema = z
  .strictObject({
    declaration: z.literal(1).describe('Version of this format'),
    device: device.describe('Who the device is; compared key by key with what is read back'),
    ingresses: z.record(kebab, ingress).describe('Every way in for firmware that the device has, by name'),
    update: update.optional().describe('How updates work and what policy they follow'),
    controls: controls
      .optional()
      .describe('How a legitimate update can be repeated, so that a refusal means something'),
    integrity: integrity.optional().describe('What the runtime integrity monitor covers'),
    commands: commandsSchema.optional().describe('How commands are protected, and against what'),
    replay: z.record(kebab, replayLink).optional().describe('Protection against replay by wire'),
    audit: audit.optional().describe('How incidents appear in the audit log'),
    processDuringUpdate: z
      .enum(['continues', 'interrupted'])
      .default('continues')
      .describe('Whether the process value stays alive while an update is installed'),
    configuration: z
      .record(itemName, z.string())
      .optional()
      .describe('Settings of the device for the test, for the report'),
    notApplicable: z
      .array(notApplicable)
      .default([])
      .describe('Conditional requirements that do not apply, with reasons'),
  })
  .check(({ value, issues }) => {
    const contradiction = (path: (string | number)[], message: string): void =>
      void issues.push({ code: 'custom', input: value, path, message });
    const ways = Object.keys(value.ingresses);
    if (ways.length > 0 && value.update === undefined) {
      contradiction(
        ['ingresses'],
        'there are ways in for firmware, and no section update says what format and policy',
      );
    }
    if (value.update?.activation === 'volatile') {
      for (const [name, { refusesAt }] of Object.entries(value.ingresses)) {
        if (!refusesAt.includes('boot')) continue;
        const message = 'boot contradicts activation: volatile; what the device starts it has not refused';
        contradiction(['ingresses', name, 'refusesAt'], message);
      }
    }
    const seen = new Set<string>();
    for (const [i, { requirement }] of value.notApplicable.entries()) {
      if (seen.has(requirement))
        contradiction(['notApplicable', i, 'requirement'], `${requirement} is here twice`);
      seen.add(requirement);
    }
    for (const problem of checkCommands(value.commands))
      contradiction(['commands', ...problem.path], problem.message);
  });

/** A checked declaration. */
export type Declaration = z.output<typeof declarationSchema>;

/** What the declaration says of updates, in the words of the image engine. */
export function policyOf({ update }: Pick<Declaration, 'update'>): Policy {
  if (update === undefined) return {};
  const { appendedData, equalCounter, policy } = update;
  return { ...defined(policy ?? {}), appendedData, equalCounter };
}

function defined<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
